/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_service_name.c - any bytes as path of a control group, program, pod, log file and hosts file */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "faultline/hosts_file.h"
#include "faultline/service_name.h"

static void check_clean(const char name[static FL_SERVICE_NAME_MAX])
{
	size_t n = strnlen(name, FL_SERVICE_NAME_MAX);
	fuzz_check(n < FL_SERVICE_NAME_MAX);
	for (size_t i = 0; i < n; i++)
		fuzz_check(name[i] > 0x20 && name[i] < 0x7f);
}

static void check_group(const char *text)
{
	struct fl_cgroup_name g;
	fl_cgroup_parse(text, &g);
	check_clean(g.unit);
	check_clean(g.machine);
	fuzz_check(strnlen(g.user, sizeof(g.user)) <= FL_USER_ID && strspn(g.user, "0123456789") == strlen(g.user));
	size_t id = strlen(g.container), uid = strlen(g.pod_uid);
	fuzz_check(id == 0 || id == FL_CONTAINER_ID);
	fuzz_check(uid == 0 || uid == FL_POD_UID);
	/* They become parts of paths. */
	fuzz_check(strspn(g.container, "0123456789abcdef") == id && strspn(g.pod_uid, "0123456789abcdef-") == uid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), name[FL_SERVICE_NAME_MAX];
	struct fl_pod_name pod;
	fuzz_check(text != NULL);
	memcpy(text, data, size);
	text[size] = 0;
	size_t first = strlen(text);
	const char *rest = first < size ? text + first + 1 : text + size;
	check_group(text);
	fl_program_name(text, rest, size - (size_t)(rest - text), text, name);
	check_clean(name);
	fl_pod_owner(text, name);
	check_clean(name);
	if (fl_pod_log_parse(text, &pod)) {
		fl_service_join(pod.space, pod.pod, pod.container, name);
		check_clean(name);
	}
	struct fl_hosts *hosts = fl_hosts_parse((const char *)data, size);
	struct fl_addr a;
	if (fl_addr_parse("10.0.0.5", &a) && fl_hosts_name(hosts, &a))
		fuzz_check_text(fl_hosts_name(hosts, &a), 254);
	fl_hosts_free(hosts);
	free(text);
	return 0;
}
