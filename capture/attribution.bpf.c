/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attribution.bpf.c - in the kernel: who opens which socket
 *
 * TCP. When a connection attempt begins (state SYN_SENT) the current task is the one that connects, and everything is known
 * but the source port. It is remembered under the socket's cookie, and told when the port is known: by the sockops hook right
 * before the SYN leaves, else when the state changes next. A refused attempt is told, too. When a socket begins to listen the
 * current task is its owner.
 * UDP has no states: the first datagram that a socket sends, and the first to another peer, tell the sender.
 * What was there before is told by the iterator over all open files of all tasks.
 *
 * Kernel structures are declared here with the members that are used; where they are in the running kernel is settled when
 * the program is loaded (CO-RE). The licence word is what the kernel wants to hear for its helpers; the source is under
 * BSD 2-Clause as everything here.
 */
#include <linux/bpf.h>
#include <linux/types.h>

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
		__u8 u6_addr8[16];
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

/* Attempts whose source port is not known yet, by cookie. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct socket_event);
} pending SEC(".maps");

/* The peer that was told last, by cookie of the UDP socket. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u64);
} told SEC(".maps");

/* For the iterator, which runs once at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct socket_event);
} scratch SEC(".maps");

__u64 lost = 0; /* events that found the ring full */

static const struct socket_event nothing;

static __always_inline void read_ends(struct socket_event *e, struct sock *sk)
{
	struct sock_common *c = &sk->__sk_common;
	e->netns = BPF_CORE_READ(c, skc_net.net, ns.inum);
	e->family = (unsigned char)BPF_CORE_READ(c, skc_family);
	e->state = BPF_CORE_READ(c, skc_state);
	e->local_port = BPF_CORE_READ(c, skc_num);
	e->remote_port = __builtin_bswap16(BPF_CORE_READ(c, skc_dport));
	if (e->family == INET6) {
		BPF_CORE_READ_INTO((struct in6_addr *)e->local, c, skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO((struct in6_addr *)e->remote, c, skc_v6_daddr);
	} else {
		BPF_CORE_READ_INTO((__be32 *)e->local, c, skc_rcv_saddr);
		BPF_CORE_READ_INTO((__be32 *)e->remote, c, skc_daddr);
	}
}

static __always_inline void read_program(struct socket_event *e, struct task_struct *task)
{
	const unsigned char *name = BPF_CORE_READ(task, mm, exe_file, f_path.dentry, d_name.name);
	e->pid = (unsigned int)BPF_CORE_READ(task, tgid);
	e->uid = BPF_CORE_READ(task, cred, uid.val);
	BPF_CORE_READ_STR_INTO(&e->comm, task, comm);
	if (name)
		bpf_probe_read_kernel_str(e->exe, sizeof(e->exe), name);
}

static __always_inline void read_current(struct socket_event *e)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	unsigned long start = BPF_CORE_READ(task, mm, arg_start), end = BPF_CORE_READ(task, mm, arg_end);
	unsigned long size = end - start;
	e->time_ns = bpf_ktime_get_ns();
	e->cgroup = bpf_get_current_cgroup_id();
	read_program(e, task);
	if (size > sizeof(e->args))
		size = sizeof(e->args);
	if (start && bpf_probe_read_user(e->args, (__u32)size, (const void *)start) == 0)
		e->args_size = (unsigned int)size;
}

/* Of connections. To wake the reader for each would cost more than the event: it comes by itself often enough, and is woken when
 * much waits. */
static __always_inline __u64 how_to_wake(void)
{
	return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) > MUCH ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static __always_inline void tell(const struct socket_event *e)
{
	if (bpf_ringbuf_output(&events, (void *)e, sizeof(*e), how_to_wake()) != 0)
		__sync_fetch_and_add(&lost, 1);
}

/* Told at once, and the reader is woken: listeners, and senders of datagrams, since a port without a peer may have been another's a
 * moment ago. */
static __always_inline void tell_current(struct sock *sk, unsigned char transport, unsigned char kind)
{
	struct socket_event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_add(&lost, 1);
		return;
	}
	__builtin_memset(e, 0, sizeof(*e));
	read_ends(e, sk);
	read_current(e);
	e->transport = transport;
	e->kind = kind;
	bpf_ringbuf_submit(e, 0);
}

static __always_inline void remember(struct sock *sk, __u64 cookie)
{
	if (bpf_map_update_elem(&pending, &cookie, &nothing, BPF_ANY) != 0) {
		__sync_fetch_and_add(&lost, 1);
		return;
	}
	struct socket_event *e = bpf_map_lookup_elem(&pending, &cookie);
	if (!e)
		return;
	read_ends(e, sk);
	read_current(e);
	e->transport = TCP;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(socket_state, struct sock *sk, int before, int now)
{
	if (sk->sk_protocol != TCP)
		return 0;
	if (now == LISTEN) {
		tell_current(sk, TCP, EVENT_SOCKET);
		return 0;
	}
	if (now != SYN_SENT && before != SYN_SENT)
		return 0;
	__u64 cookie = bpf_get_socket_cookie(sk);
	if (now == SYN_SENT) {
		remember(sk, cookie);
		return 0;
	}
	struct socket_event *e = bpf_map_lookup_elem(&pending, &cookie);
	if (!e)
		return 0;
	/* The port is given back before the state is CLOSED, its number stays here. */
	e->local_port = __builtin_bswap16(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	e->state = (unsigned char)now;
	if (e->local_port)
		tell(e);
	bpf_map_delete_elem(&pending, &cookie);
	return 0;
}

SEC("sockops")
int connection_begins(struct bpf_sock_ops *ops)
{
	if (ops->op != BPF_SOCK_OPS_TCP_CONNECT_CB)
		return 1;
	__u64 cookie = bpf_get_socket_cookie(ops);
	struct socket_event *e = bpf_map_lookup_elem(&pending, &cookie);
	if (!e)
		return 1;
	e->local_port = (unsigned short)ops->local_port;
	if (e->local_port) {
		tell(e);
		bpf_map_delete_elem(&pending, &cookie);
	}
	return 1;
}

static __always_inline __u64 peer_of(struct sock *sk)
{
	struct sock_common *c = &sk->__sk_common;
	struct in6_addr a = {};
	__u64 part[2], port = BPF_CORE_READ(c, skc_dport);
	if (BPF_CORE_READ(c, skc_family) == INET6)
		BPF_CORE_READ_INTO(&a, c, skc_v6_daddr);
	else
		BPF_CORE_READ_INTO((__be32 *)&a, c, skc_daddr);
	__builtin_memcpy(part, &a, sizeof(part));
	return (part[0] * 31 + part[1]) * 65537 + port + 1;
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
	__u64 cookie = bpf_get_socket_cookie(sk), peer = peer_of(sk), *last = bpf_map_lookup_elem(&told, &cookie);
	if (last && *last == peer)
		return 0;
	bpf_map_update_elem(&told, &cookie, &peer, BPF_ANY);
	tell_current(sk, UDP, sk->__sk_common.skc_dport ? EVENT_CONNECTION : EVENT_SOCKET);
	return 0;
}

static __always_inline int is_wanted(struct sock *sk, __u16 protocol)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (family != INET && family != INET6)
		return 0;
	return protocol == UDP || (protocol == TCP && state != CLOSED);
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
	struct sock *sk = BPF_CORE_READ(socket, sk);
	if (!sk)
		return 0;
	__u16 protocol = BPF_CORE_READ(sk, sk_protocol);
	struct socket_event *e = bpf_map_lookup_elem(&scratch, &zero);
	if (!e || !is_wanted(sk, protocol))
		return 0;
	__builtin_memset(e, 0, sizeof(*e));
	read_ends(e, sk);
	if (!e->local_port)
		return 0;
	read_program(e, task);
	e->time_ns = bpf_ktime_get_ns();
	e->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	e->transport = (unsigned char)protocol;
	e->kind = e->state == LISTEN || !e->remote_port ? EVENT_SOCKET : EVENT_CONNECTION;
	bpf_seq_write(ctx->meta->seq, e, sizeof(*e));
	return 0;
}
