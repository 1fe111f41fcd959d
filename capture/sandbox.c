/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sandbox.c - a process gives up everything but its open files
 *
 * The order matters: files are closed and limits set while that is still allowed; the user is changed before no_new_privs;
 * Landlock before seccomp, whose list does not have its calls. A process of user nobody may be signalled and traced
 * by others of that user, so it is not dumpable either.
 *
 * seccomp: the default is EPERM, not death: a library that asks for something harmless and gets an error goes on. write()
 * is allowed for given descriptors only, since a packet socket sends what is written to it. mmap() and mprotect() never make
 * memory executable.
 *
 * Landlock calls are made by number: headers of the distribution are older than its kernels.
 */
#include "faultline/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "config.h"

#if FL_HAVE_SECCOMP
#include <seccomp.h>
#endif

enum { NOBODY = 65534, CAPABILITIES_MAX = 63, SLACK_BYTES = 96 << 20 };

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

static int compare_files(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;
	return (x > y) - (x < y);
}

static void close_between(unsigned first, unsigned last)
{
	if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
		return;
	unsigned most = (unsigned)sysconf(_SC_OPEN_MAX);
	for (unsigned fd = first; fd <= last && fd < most; fd++)
		close((int)fd);
}

static int close_others(const struct fl_sandbox_options *o)
{
	int keep[FL_SANDBOX_FILES_MAX];
	unsigned next = 0;
	memcpy(keep, o->files, sizeof(keep));
	qsort(keep, o->file_count, sizeof(*keep), compare_files);
	for (size_t i = 0; i < o->file_count; i++) {
		if (keep[i] < 0)
			continue;
		if ((unsigned)keep[i] > next)
			close_between(next, (unsigned)keep[i] - 1);
		next = (unsigned)keep[i] + 1;
	}
	close_between(next, ~0u);
	return (int)next;
}

static uint64_t address_space(void)
{
	unsigned long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (f && fscanf(f, "%llu", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool limit(unsigned what, uint64_t value)
{
	struct rlimit l = { value, value };
	return setrlimit(what, &l) == 0;
}

/* poll() refuses more descriptors than may be open, so the limit is not 0. */
static bool set_limits(const struct fl_sandbox_options *o, uint64_t used, int files)
{
	bool ok = limit(RLIMIT_CORE, 0) && limit(RLIMIT_NPROC, 0) && limit(RLIMIT_MEMLOCK, 0);
	if (files < FL_SANDBOX_FILES_MAX)
		files = FL_SANDBOX_FILES_MAX;
	ok = limit(RLIMIT_NOFILE, (uint64_t)files) && ok;
#ifndef __SANITIZE_ADDRESS__
	if (o->memory && used)
		ok = limit(RLIMIT_AS, used + o->memory + SLACK_BYTES) && ok;
#else
	(void)o;
	(void)used;
#endif
	return ok;
}

/* Packets and owners; and for root: files of others, a low port for metrics, to become nobody and to end a process of nobody's. */
static const uint8_t few[] = { CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH,
	CAP_DAC_OVERRIDE, CAP_CHOWN, CAP_FOWNER, CAP_NET_BIND_SERVICE, CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_KILL,
	CAP_SYS_RESOURCE /* memory of BPF programs, before Linux 5.11 */ };

static void keep_bit(struct __user_cap_data_struct *mask, unsigned capability)
{
	mask[CAP_TO_INDEX(capability)].permitted |= CAP_TO_MASK(capability);
}

int fl_sandbox_keep_few(struct fl_error *err)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct had[_LINUX_CAPABILITY_U32S_3], keep[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
	for (size_t i = 0; i < FL_ARRAY_LEN(few); i++)
		keep_bit(keep, few[i]);
	if (prctl(PR_CAPBSET_READ, CAP_BPF, 0, 0, 0) < 0) /* before Linux 5.8 this was in it */
		keep_bit(keep, CAP_SYS_ADMIN);
	bool failed = syscall(SYS_capget, &header, had) != 0;
	for (size_t i = 0; i < FL_ARRAY_LEN(had) && !failed; i++) {
		had[i].permitted &= keep[i].permitted;
		had[i].effective &= had[i].permitted;
		had[i].inheritable = 0;
	}
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (failed || syscall(SYS_capset, &header, had) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fl_fail(err, -errno, "capabilities that are not needed could not be given up: %s", strerror(errno));
	return 0;
}

static bool drop_capabilities(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int c = 0; c <= CAPABILITIES_MAX; c++)
		prctl(PR_CAPBSET_DROP, c, 0, 0, 0); /* EPERM without CAP_SETPCAP: no_new_privs stands for it */
	return syscall(SYS_capset, &header, none) == 0;
}

static bool drop_privileges(void)
{
	bool ok = true;
	if (geteuid() == 0)
		ok = setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0;
	/* The bounding set goes while there is CAP_SETPCAP, the user while there is CAP_SETUID. */
	if (ok && geteuid() == 0) {
		for (int c = 0; c <= CAPABILITIES_MAX; c++)
			prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
		ok = setresuid(NOBODY, NOBODY, NOBODY) == 0;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* a change of user clears it */
	return drop_capabilities() && ok && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* struct landlock_ruleset_attr of ABI 6. */
struct ruleset {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

static int restrict_paths(void)
{
	static const struct { int abi; unsigned files; } rights[] = { { 5, 16 }, { 3, 15 }, { 2, 14 }, { 1, 13 } };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);
	struct ruleset r = { 0 };
	size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
	if (abi < 1)
		return 0;
	for (size_t i = 0; i < FL_ARRAY_LEN(rights) && !r.handled_access_fs; i++)
		if (abi >= rights[i].abi)
			r.handled_access_fs = (UINT64_C(1) << rights[i].files) - 1;
	r.handled_access_net = abi >= 4 ? 3 : 0; /* bind, connect */
	r.scoped = abi >= 6 ? 3 : 0;             /* abstract sockets, signals */
	long fd = syscall(SYS_landlock_create_ruleset, &r, size, 0);
	if (fd < 0)
		return 0;
	long status = syscall(SYS_landlock_restrict_self, (int)fd, 0);
	close((int)fd);
	return status == 0 ? (int)abi : 0;
}

#if FL_HAVE_SECCOMP
static bool allow_plain(scmp_filter_ctx c)
{
	static const int calls[] = {
		SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(poll), SCMP_SYS(ppoll),
		SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(brk),
		SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(exit), SCMP_SYS(exit_group),
		SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(futex), SCMP_SYS(getpid), SCMP_SYS(gettid),
		SCMP_SYS(getrandom), SCMP_SYS(restart_syscall), SCMP_SYS(getsockopt), SCMP_SYS(sysinfo), SCMP_SYS(close),
		SCMP_SYS(fstat), SCMP_SYS(lseek), SCMP_SYS(getrusage), SCMP_SYS(sched_yield), SCMP_SYS(sigaltstack),
	};
	bool ok = true;
	for (size_t i = 0; i < FL_ARRAY_LEN(calls); i++)
		ok = seccomp_rule_add(c, SCMP_ACT_ALLOW, calls[i], 0) == 0 && ok;
	return ok;
}

/* Argument @arg is @value, in the bits of @mask. */
static bool allow_when(scmp_filter_ctx c, int call, unsigned arg, scmp_datum_t mask, scmp_datum_t value)
{
	struct scmp_arg_cmp when = { .arg = arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value };
	return seccomp_rule_add_array(c, SCMP_ACT_ALLOW, call, 1, &when) == 0;
}

static bool allow_bounded(scmp_filter_ctx c, const struct fl_sandbox_options *o)
{
	const scmp_datum_t whole = UINT32_MAX; /* the kernel takes these as 32 bits, whatever stands above */
	bool ok = true;
	for (size_t i = 0; i < o->writable_count; i++)
		ok = allow_when(c, SCMP_SYS(write), 0, whole, (scmp_datum_t)o->writable[i]) && ok;
	ok = allow_when(c, SCMP_SYS(mmap), 2, PROT_EXEC, 0) && ok;
	ok = allow_when(c, SCMP_SYS(mprotect), 2, PROT_EXEC, 0) && ok;
	/* libpcap asks whether the interface is still there */
	ok = allow_when(c, SCMP_SYS(ioctl), 1, whole, SIOCGIFFLAGS) && ok;
	ok = allow_when(c, SCMP_SYS(ioctl), 1, whole, SIOCGIFINDEX) && ok;
	return allow_when(c, SCMP_SYS(tgkill), 0, whole, (scmp_datum_t)getpid()) && ok; /* abort() */
}

static bool filter_calls(const struct fl_sandbox_options *o)
{
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	bool ok = c && allow_plain(c) && allow_bounded(c, o) && seccomp_load(c) == 0;
	if (c)
		seccomp_release(c);
	return ok;
}
#else
static bool filter_calls(const struct fl_sandbox_options *o)
{
	(void)o;
	return false;
}
#endif

int fl_sandbox_enter(const struct fl_sandbox_options *o, struct fl_sandbox_state *state, struct fl_error *err)
{
	uint64_t used = address_space();
	int files = close_others(o);
	*state = (struct fl_sandbox_state){ .limits = set_limits(o, used, files) };
	state->privileges = drop_privileges();
	if (!state->privileges)
		return fl_fail(err, -EPERM, "the parsing process could not give up its privileges: %s", strerror(errno));
	state->landlock = restrict_paths();
	state->seccomp = filter_calls(o);
	return 0;
}

/* ---- what an intruder would try ---- */

static bool try_open(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool try_create(void)
{
	return open("/tmp/faultline-sandbox-try", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
}

static bool try_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool try_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_DGRAM, 0) >= 0;
}

static bool try_exec(void)
{
	char *const argv[] = { (char[]){ "true" }, NULL }, *const envp[] = { NULL };
	execve("/bin/true", argv, envp);
	return false; /* one that worked does not come back: the keeper sees an end without words */
}

static bool try_ptrace(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
}

static bool try_fork(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static bool try_signal(void)
{
	return kill(getppid(), 0) == 0;
}

static bool try_root(void)
{
	return setresuid(0, 0, 0) == 0;
}

static bool try_executable_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static bool try_more_executable_memory(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return page != MAP_FAILED && mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool try_others_memory(void)
{
	static char place; /* the same in both: the program was forked */
	char byte;
	struct iovec here = { &byte, 1 }, there = { &place, 1 };
	return process_vm_readv(getppid(), &here, 1, &there, 1, 0) == 1;
}

static bool try_more_files(void)
{
	struct rlimit l = { 4096, 4096 };
	return setrlimit(RLIMIT_NOFILE, &l) == 0;
}

static bool try_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
}

static bool try_ring(void)
{
	char parameters[120] = { 0 }; /* struct io_uring_params */
	return syscall(SYS_io_uring_setup, 8, parameters) >= 0;
}

static bool try_keys(void)
{
	return syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -2 /* KEY_SPEC_PROCESS_KEYRING */, 1) >= 0;
}

static bool try_memory_file(void)
{
	return syscall(SYS_memfd_create, "try", 0) >= 0;
}

static bool try_namespace(void)
{
	return syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */) == 0;
}

static bool try_bpf(void)
{
	uint32_t array_of_one[16] = { 2 /* BPF_MAP_TYPE_ARRAY */, 4, 4, 1 };
	return syscall(SYS_bpf, 0 /* BPF_MAP_CREATE */, array_of_one, sizeof(array_of_one)) >= 0;
}

static bool try_copy_of_file(void)
{
	return dup(STDERR_FILENO) >= 0;
}

static bool try_message(void)
{
	struct msghdr m = { 0 };
	return sendmsg(STDERR_FILENO, &m, 0) >= 0 || errno != EPERM;
}

size_t fl_sandbox_try(char *text, size_t size, size_t *tries)
{
	static const struct { const char *name; bool (*run)(void); } list[] = {
		{ "open", try_open }, { "create", try_create }, { "socket", try_socket }, { "unix-socket", try_unix_socket },
		{ "exec", try_exec }, { "ptrace", try_ptrace }, { "fork", try_fork }, { "signal", try_signal },
		{ "root", try_root }, { "executable-memory", try_executable_memory },
		{ "more-executable-memory", try_more_executable_memory }, { "others-memory", try_others_memory },
		{ "more-files", try_more_files }, { "dumpable", try_dumpable }, { "io_uring", try_ring }, { "keys", try_keys },
		{ "memory-file", try_memory_file }, { "namespace", try_namespace }, { "bpf", try_bpf },
		{ "copy-of-file", try_copy_of_file }, { "message", try_message },
	};
	size_t worked = 0, at = 0;
	*tries = FL_ARRAY_LEN(list);
	text[0] = 0;
	for (size_t i = 0; i < *tries; i++) {
		if (!list[i].run())
			continue;
		worked++;
		int n = snprintf(text + at, size - at, "%s%s", at ? " " : "", list[i].name);
		at = n > 0 && (size_t)n < size - at ? at + (size_t)n : at;
	}
	return worked;
}
