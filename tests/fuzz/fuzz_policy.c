/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_policy.c - a policy file of any bytes is refused with a place, or held against a small system
 */
#include "mutate_json.h"

#include "faultline/policy.h"

static struct fl_system *small_system(void)
{
	struct fl_scan *s = fl_scan_new();
	struct fl_scan_set set = { 0 };
	s->point = "api";
	s->source = "file";
	s->end_ns = INT64_C(1800000000000000000);
	s->start_ns = s->end_ns - INT64_C(60000000000);
	s->hosts = fl_arena_alloc(s->arena, sizeof(*s->hosts));
	s->hosts[0].name = "api";
	s->host_count = 1;
	s->coverage.packets = 100;
	s->coverage.dropped_kernel = 1;
	s->coverage.flows = 10;
	s->coverage.flows_named = 9;
	s->dependencies = fl_arena_array(s->arena, 2, sizeof(*s->dependencies));
	for (size_t i = 0; i < 2; i++) {
		struct fl_scan_dependency *d = &s->dependencies[s->dependency_count++];
		*d = (struct fl_scan_dependency){ .host = "api", .service = "app", .name = i == 0 ? "api.vendor.example" : NULL,
			.port = 443, .transport = "tcp", .scope = FL_SCOPE_EXTERNAL, .answered = true, .exchanges = 5 };
		d->addresses = fl_arena_alloc(s->arena, sizeof(*d->addresses));
		d->address_count = fl_addr_parse(i == 0 ? "192.0.2.1" : "2001:db8::1", d->addresses);
	}
	fl_scan_sort(s);
	fl_scan_set_add(&set, s);
	return fl_system_join(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fl_policy *p = NULL;
	struct fl_error err = { "" };
	if (fl_policy_parse(&p, "policy", (const char *)data, size, &err) < 0) {
		fuzz_check(p == NULL && err.text[0] != '\0');
		return 0;
	}
	struct fl_system *s = small_system();
	struct fl_policy_result *r = fl_policy_check(p, s, NULL);
	for (size_t i = 0; i < r->count; i++)
		fuzz_check(r->list[i].why[0] != '\0' && r->list[i].line > 0 && r->list[i].column > 0);
	for (size_t i = 0; i < r->unused_count; i++)
		fuzz_check(r->unused[i].line > 0);
	fl_policy_result_free(r);
	fl_system_free(s);
	fl_policy_free(p);
	return 0;
}
