/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attribution.bpf.c - in the kernel: who opens which socket
 *
 * TCP. Right before the SYN of a connection leaves (sockops) the current task is the one that connects, and all ends are known: one
 * event. Where that hook is closed, the attempt is remembered under the socket's cookie when its state becomes SYN_SENT, and told
 * when the state changes next: only then the source port is known. A refused attempt is told either way. When a socket begins to listen the
 * current task is its owner.
 * UDP has no states: the first datagram that a socket sends, and the first to another peer, tell the sender. Its port may be another's a
 * moment later, so its end is told, too; also the end of connections that were there before, which may carry
 * nothing for days. Ends of other connections are not worth their cost: packets tell.
 * What was there before is told by the iterator over all open files of all tasks.
 *
 * What a connection costs is paid by its opener. So texts are read once for each program that runs, and nobody is woken for a connection.
 *
 * Kernel structures are declared here with the members that are used; where they are in the running kernel is settled when
 * the program is loaded (CO-RE). The licence word is what the kernel wants to hear for its helpers; the source is under
 * BSD 2-Clause as everything here.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "attribution_event.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum { INET = 2, INET6 = 10, TCP = 6, UDP = 17 };
enum { SYN_SENT = 2, CLOSED = 7, LISTEN = 10 };
enum { MUCH = 128 << 10 };

#define KERNEL __attribute__((preserve_access_index))

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
} KERNEL;

struct ns_common {
	unsigned int inum;
} KERNEL;

struct net {
	struct ns_common ns;
} KERNEL;

typedef struct {
	struct net *net;
} KERNEL possible_net_t;

struct sock_common {
	__be32 skc_daddr, skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	unsigned char skc_reuse : 4, skc_reuseport : 1;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
} KERNEL;

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
} KERNEL;

struct inet_sock {
	__be16 inet_sport;
} KERNEL;

/* Of the kernel's type only the name is needed: it begins with a struct sock. */
struct tcp_sock;

struct socket {
	struct sock *sk;
} KERNEL;

struct qstr {
	const unsigned char *name;
} KERNEL;

struct dentry {
	struct qstr d_name;
} KERNEL;

struct path {
	struct dentry *dentry;
} KERNEL;

struct file {
	struct path f_path;
} KERNEL;

struct mm_struct {
	unsigned long arg_start, arg_end;
	struct file *exe_file;
} KERNEL;

typedef struct {
	unsigned int val;
} KERNEL kuid_t;

struct cred {
	kuid_t uid;
} KERNEL;

struct kernfs_node {
	__u64 id;
} KERNEL;

struct cgroup {
	struct kernfs_node *kn;
} KERNEL;

struct css_set {
	struct cgroup *dfl_cgrp;
} KERNEL;

struct task_struct {
	int tgid;
	__u32 self_exec_id;
	__u64 start_time;
	struct task_struct *group_leader;
	char comm[16];
	struct mm_struct *mm;
	const struct cred *cred;
	struct css_set *cgroups;
} KERNEL;

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
} KERNEL;

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
} KERNEL;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 2 << 20);
} events SEC(".maps");

/* Attempts whose source port is not known yet, by cookie. Those that hang make room for new ones, and are counted when they end. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct socket_event);
} pending SEC(".maps");

/* UDP sockets as they were told last, by cookie. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct socket_event);
} told SEC(".maps");

/* TCP connections that were there before, by cookie. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u8);
} standing SEC(".maps");

/* Programs whose texts were told. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct program_key);
	__type(value, __u8);
} programs SEC(".maps");

/* For the iterator, which runs once at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct program_event);
} scratch SEC(".maps");

__u64 lost = 0;       /* events that found the ring full, attempts that made room for others */
__u32 walked = 0;     /* set from outside: what was there before is in the maps */
__u32 begins_told = 0; /* set from outside: sockops tells of connections */
__u32 ends_told = 0;   /* set from outside: sock_release tells of UDP sockets */
__u64 standing_count = 0;

static const __u8 yes = 1;

static __always_inline void read_ends(struct socket_event *e, struct sock *sk)
{
	struct sock_common *c = &sk->__sk_common;
	e->netns = c->skc_net.net->ns.inum;
	e->family = (unsigned char)c->skc_family;
	e->state = c->skc_state;
	e->local_port = c->skc_num;
	e->remote_port = __builtin_bswap16(c->skc_dport);
	e->shared = BPF_CORE_READ_BITFIELD(c, skc_reuse) || BPF_CORE_READ_BITFIELD(c, skc_reuseport);
	if (e->family == INET6) {
		for (int i = 0; i < 4; i++) {
			e->local[i] = c->skc_v6_rcv_saddr.in6_u.u6_addr32[i];
			e->remote[i] = c->skc_v6_daddr.in6_u.u6_addr32[i];
		}
	} else {
		e->local[0] = c->skc_rcv_saddr;
		e->remote[0] = c->skc_daddr;
	}
}

static __always_inline void read_task(struct socket_event *e, struct task_struct *task)
{
	e->time_ns = bpf_ktime_get_ns();
	e->cgroup = task->cgroups->dfl_cgrp->kn->id;
	e->uid = task->cred->uid.val;
	e->program.pid = (__u32)task->tgid;
	e->program.exec = task->self_exec_id;
	e->program.start_ns = task->group_leader->start_time;
}

static __always_inline void read_texts(struct program_event *e, struct task_struct *task)
{
	const unsigned char *name = BPF_CORE_READ(task, mm, exe_file, f_path.dentry, d_name.name);
	BPF_CORE_READ_STR_INTO(&e->comm, task, comm);
	if (name)
		bpf_probe_read_kernel_str(e->exe, sizeof(e->exe), name);
}

/* Of the current task alone: another's memory is not mapped. */
static __always_inline void read_args(struct program_event *e, struct task_struct *task)
{
	unsigned long start = BPF_CORE_READ(task, mm, arg_start), end = BPF_CORE_READ(task, mm, arg_end);
	unsigned long size = end - start;
	if (size > sizeof(e->args))
		size = sizeof(e->args);
	if (start && bpf_probe_read_user(e->args, (__u32)size, (const void *)start) == 0)
		e->args_size = (unsigned int)size;
}

/* To wake the reader for each event would cost more than the event: it comes by itself often enough, and is woken when
 * much waits. Not so a sender of datagrams from a port without a peer, which may have been another's a moment ago. */
static __always_inline __u64 how_to_wake(const struct socket_event *e)
{
	if (e->transport == UDP && e->kind == EVENT_SOCKET && !e->closed)
		return 0;
	return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) > MUCH ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static __always_inline void tell_briefly(const struct socket_event *e)
{
	if (bpf_ringbuf_output(&events, (void *)e, sizeof(*e), how_to_wake(e)) != 0)
		__sync_fetch_and_add(&lost, 1);
}

/* @task: the current one. */
static __always_inline void tell_with_program(const struct socket_event *s, struct task_struct *task)
{
	struct program_event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_add(&lost, 1);
		return;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->socket = *s;
	read_texts(e, task);
	read_args(e, task);
	bpf_ringbuf_submit(e, how_to_wake(s));
	bpf_map_update_elem(&programs, &s->program, &yes, BPF_ANY);
}

static __always_inline void tell(const struct socket_event *e, struct task_struct *task)
{
	if (bpf_map_lookup_elem(&programs, &e->program))
		tell_briefly(e);
	else
		tell_with_program(e, task);
}

static __always_inline void tell_listener(struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct socket_event e = { .transport = TCP, .kind = EVENT_SOCKET };
	read_ends(&e, sk);
	read_task(&e, task);
	tell(&e, task);
}

/* The end of a connection that was there before; false when it is another. Its port is given back before the state is CLOSED, the number
 * stays here. */
static __always_inline bool tell_closed(struct sock *sk)
{
	__u64 cookie = bpf_get_socket_cookie(sk);
	struct socket_event e = { .transport = TCP, .closed = 1 };
	if (bpf_map_delete_elem(&standing, &cookie) != 0)
		return false;
	__sync_fetch_and_add(&standing_count, -1);
	read_ends(&e, sk);
	e.local_port = __builtin_bswap16(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	e.time_ns = bpf_ktime_get_ns();
	tell_briefly(&e);
	return true;
}

static __always_inline void remember(struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 cookie = bpf_get_socket_cookie(sk);
	struct socket_event e = { .transport = TCP };
	read_ends(&e, sk);
	read_task(&e, task);
	if (bpf_map_update_elem(&pending, &cookie, &e, BPF_ANY) != 0)
		__sync_fetch_and_add(&lost, 1);
	/* The next event may come in another task. */
	if (!bpf_map_lookup_elem(&programs, &e.program))
		tell_with_program(&e, task);
}

static __always_inline void tell_remembered(struct sock *sk, int state)
{
	__u64 cookie = bpf_get_socket_cookie(sk);
	struct socket_event *e = bpf_map_lookup_elem(&pending, &cookie);
	if (!e) {
		/* Remembered once, or older than the programs and told by the walk. */
		if (walked && !bpf_map_lookup_elem(&standing, &cookie))
			__sync_fetch_and_add(&lost, 1);
		return;
	}
	e->local_port = __builtin_bswap16(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	e->state = (unsigned char)state;
	if (e->local_port)
		tell_briefly(e);
	bpf_map_delete_elem(&pending, &cookie);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(socket_state, struct sock *sk, int before, int now)
{
	if (sk->sk_protocol != TCP)
		return 0;
	if (now == LISTEN)
		tell_listener(sk);
	else if (now == CLOSED && standing_count && tell_closed(sk))
		return 0;
	else if (now == SYN_SENT && !begins_told)
		remember(sk);
	else if (before == SYN_SENT && !begins_told)
		tell_remembered(sk, now);
	return 0;
}

SEC("sockops")
int connection_begins(struct bpf_sock_ops *ops)
{
	struct bpf_sock *common;
	if (ops->op != BPF_SOCK_OPS_TCP_CONNECT_CB || !(common = ops->sk))
		return 1;
	struct sock *sk = (struct sock *)bpf_skc_to_tcp_sock(common);
	if (!sk)
		return 1;
	struct task_struct *task = bpf_get_current_task_btf();
	struct socket_event e = { .transport = TCP };
	read_ends(&e, sk);
	read_task(&e, task);
	tell(&e, task);
	return 1;
}

static __always_inline int same_peer(const struct socket_event *a, const struct socket_event *b)
{
	return a->remote_port == b->remote_port && a->remote[0] == b->remote[0] && a->remote[1] == b->remote[1] &&
	       a->remote[2] == b->remote[2] && a->remote[3] == b->remote[3];
}

static __always_inline void end_told(struct socket_event *e)
{
	if (e->shared)
		return;
	e->closed = 1;
	e->time_ns = bpf_ktime_get_ns();
	tell_briefly(e);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(socket_send, struct sock *sk, int ret, int flags)
{
	__u16 family;
	if (sk->sk_protocol != UDP)
		return 0;
	family = sk->__sk_common.skc_family;
	if (family != INET && family != INET6)
		return 0;
	__u64 cookie = bpf_get_socket_cookie(sk);
	struct socket_event *last = bpf_map_lookup_elem(&told, &cookie);
	struct socket_event e = { .transport = UDP };
	read_ends(&e, sk);
	if (last && same_peer(last, &e))
		return 0;
	if (last && ends_told)
		end_told(last);
	struct task_struct *task = bpf_get_current_task_btf();
	read_task(&e, task);
	e.kind = e.remote_port ? EVENT_CONNECTION : EVENT_SOCKET;
	bpf_map_update_elem(&told, &cookie, &e, BPF_ANY);
	tell(&e, task);
	return 0;
}

SEC("cgroup/sock_release")
int socket_ends(struct bpf_sock *ctx)
{
	if (ctx->protocol != UDP)
		return 1;
	__u64 cookie = bpf_get_socket_cookie(ctx);
	struct socket_event *last = bpf_map_lookup_elem(&told, &cookie);
	if (!last)
		return 1;
	end_told(last);
	bpf_map_delete_elem(&told, &cookie);
	return 1;
}

static __always_inline int is_wanted(struct sock *sk, __u16 protocol)
{
	__u16 family = sk->__sk_common.skc_family;
	if (family != INET && family != INET6)
		return 0;
	return protocol == UDP || (protocol == TCP && sk->__sk_common.skc_state != CLOSED);
}

/* Its end will be told. */
static __always_inline void expect_end(struct sock *sk, const struct socket_event *e)
{
	__u64 cookie = bpf_get_socket_cookie(sk);
	if (e->transport == UDP)
		bpf_map_update_elem(&told, &cookie, e, BPF_NOEXIST);
	else if (e->kind == EVENT_CONNECTION && bpf_map_update_elem(&standing, &cookie, &yes, BPF_NOEXIST) == 0)
		__sync_fetch_and_add(&standing_count, 1);
}

SEC("iter/task_file")
int sockets(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	__u32 zero = 0;
	if (!task || !file)
		return 0;
	struct socket *socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	struct sock *sk = socket->sk;
	if (!sk)
		return 0;
	__u16 protocol = sk->sk_protocol;
	struct program_event *e = bpf_map_lookup_elem(&scratch, &zero);
	if (!e || !is_wanted(sk, protocol))
		return 0;
	__builtin_memset(e, 0, sizeof(*e));
	read_ends(&e->socket, sk);
	if (!e->socket.local_port)
		return 0;
	read_task(&e->socket, task);
	read_texts(e, task);
	e->socket.transport = (unsigned char)protocol;
	e->socket.kind = e->socket.state == LISTEN || !e->socket.remote_port ? EVENT_SOCKET : EVENT_CONNECTION;
	expect_end(sk, &e->socket);
	bpf_seq_write(ctx->meta->seq, e, sizeof(*e));
	return 0;
}
