/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * service_files.c - names of containers and pods from the files that their engines keep
 *
 *   Docker      /var/lib/docker/containers/ID/config.v2.json: the Swarm service, else the Compose project and service, the family and
 *               container of an ECS task, the job and task of Nomad, else the container's name, without the number of an allocation
 *   Podman      /var/lib/containers/storage/overlay-containers/containers.json: id and names
 *   Kubernetes  /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log, and /var/log/pods/NAMESPACE_POD_UID where the container's
 *               file is gone: namespace, owner of the pod, container
 *
 * The labels are the workload's own words and may lie about which service it is, as a unit's name may.
 */
#include "capture/namer.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faultline/service_name.h"

enum { FILE_MAX = 4 << 20, ENTRIES_MAX = 65536 };

static cJSON *read_json(const char *path)
{
	if (access(path, R_OK) != 0)
		return NULL; /* most are not there */
	char *text = fl_alloc(FILE_MAX);
	long n = fl_read_text(path, text, FILE_MAX);
	cJSON *root = n > 0 ? cJSON_ParseWithLength(text, (size_t)n) : NULL;
	free(text);
	return root;
}

static const char *text_of(const cJSON *object, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
	return text ? text : "";
}

/* "/NAME", and Nomad's "/TASK-ALLOCATION", where each start is another allocation. */
static void plain_name(const char *given, char name[static FL_SERVICE_NAME_MAX])
{
	static const char uid[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	char text[FL_SERVICE_NAME_MAX];
	size_t tail = strlen(uid) + 1;
	given += *given == '/';
	size_t n = strlen(given);
	bool numbered = n > tail && n < sizeof(text) && given[n - tail] == '-';
	for (size_t i = 0; numbered && uid[i]; i++)
		numbered = uid[i] == '-' ? given[n - tail + 1 + i] == '-' : isxdigit((unsigned char)given[n - tail + 1 + i]);
	snprintf(text, sizeof(text), "%.*s", numbered ? (int)(n - tail) : 0, given);
	fl_service_join(numbered ? text : given, "", "", name);
}

static bool docker_name(const char *root, const char *id, char name[static FL_SERVICE_NAME_MAX])
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/var/lib/docker/containers/%s/config.v2.json", root, id);
	cJSON *json = read_json(path);
	if (!json)
		return false;
	const cJSON *labels = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(json, "Config"), "Labels");
	const char *swarm = text_of(labels, "com.docker.swarm.service.name");
	const char *project = text_of(labels, "com.docker.compose.project");
	const char *service = text_of(labels, "com.docker.compose.service");
	const char *family = text_of(labels, "com.amazonaws.ecs.task-definition-family");
	const char *in_family = text_of(labels, "com.amazonaws.ecs.container-name");
	const char *job = text_of(labels, "com.hashicorp.nomad.job_name");
	const char *task = text_of(labels, "com.hashicorp.nomad.task_name");
	if (*swarm)
		fl_service_join(swarm, "", "", name);
	else if (*service)
		fl_service_join(project, service, "", name);
	else if (*in_family)
		fl_service_join(family, in_family, "", name);
	else if (*task)
		fl_service_join(job, task, "", name);
	else
		plain_name(text_of(json, "Name"), name);
	cJSON_Delete(json);
	return *name != 0;
}

static bool podman_name(const char *root, const char *id, char name[static FL_SERVICE_NAME_MAX])
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/var/lib/containers/storage/overlay-containers/containers.json", root);
	cJSON *json = read_json(path);
	const cJSON *item;
	*name = 0;
	cJSON_ArrayForEach(item, json) {
		if (strcmp(text_of(item, "id"), id) != 0)
			continue;
		const char *first =
			cJSON_GetStringValue(cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(item, "names"), 0));
		fl_service_join(first ? first : "", "", "", name);
	}
	cJSON_Delete(json);
	return *name != 0;
}

static bool pod_container_name(const char *root, const char *id, char name[static FL_SERVICE_NAME_MAX])
{
	char path[PATH_MAX], owner[FL_SERVICE_NAME_MAX];
	snprintf(path, sizeof(path), "%s/var/log/containers", root);
	DIR *directory = opendir(path);
	const struct dirent *e;
	struct fl_pod_name n;
	bool found = false;
	for (int i = 0; directory && !found && i < ENTRIES_MAX && (e = readdir(directory)); i++)
		found = fl_pod_log_parse(e->d_name, &n) && strcmp(n.id, id) == 0;
	if (directory)
		closedir(directory);
	if (!found)
		return false;
	fl_pod_owner(n.pod, owner);
	fl_service_join(n.space, owner, n.container, name);
	return true;
}

/* "NAMESPACE_POD_UID" */
static bool pod_name(const char *root, const char *uid, char name[static FL_SERVICE_NAME_MAX])
{
	char path[PATH_MAX], text[NAME_MAX + 1], owner[FL_SERVICE_NAME_MAX];
	snprintf(path, sizeof(path), "%s/var/log/pods", root);
	DIR *directory = opendir(path);
	const struct dirent *e;
	bool found = false;
	for (int i = 0; directory && !found && i < ENTRIES_MAX && (e = readdir(directory)); i++) {
		snprintf(text, sizeof(text), "%s", e->d_name);
		char *last = strrchr(text, '_');
		found = last && strcmp(last + 1, uid) == 0;
		if (found)
			*last = 0;
	}
	if (directory)
		closedir(directory);
	char *pod = found ? strchr(text, '_') : NULL;
	if (!pod)
		return false;
	*pod++ = 0;
	fl_pod_owner(pod, owner);
	fl_service_join(text, owner, "", name);
	return true;
}

bool fl_container_name(const char *root, const struct fl_cgroup_name *g, char name[static FL_SERVICE_NAME_MAX])
{
	if (*g->pod_uid)
		return (*g->container && pod_container_name(root, g->container, name)) || pod_name(root, g->pod_uid, name);
	if (*g->container)
		return docker_name(root, g->container, name) || podman_name(root, g->container, name);
	return false;
}
