/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mutate_json.h - how libFuzzer changes JSON that is to stay JSON
 *
 * Bytes that are changed blindly nearly always give a text that is none, and the reader's first check is all that is
 * tried. Here one value of the text is changed, left out, put in twice, or replaced by another one. One time in
 * eight the bytes are changed blindly all the same. Included by targets whose input is JSON; unused elsewhere.
 */
#ifndef FAULTLINE_TEST_MUTATE_JSON_H
#define FAULTLINE_TEST_MUTATE_JSON_H

#include <cjson/cJSON.h>
#include <stdint.h>
#include <string.h>

#include "fuzz.h"

enum { JSON_TEXT_MAX = 64 };

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static inline uint32_t json_dice(uint32_t *state, uint32_t sides)
{
	*state = *state * 1664525u + 1013904223u;
	return sides ? (*state >> 8) % sides : 0;
}

static inline cJSON *json_next(cJSON *at, cJSON **way, size_t *depth)
{
	if (at->child) {
		way[(*depth)++] = at;
		return at->child;
	}
	while (!at->next && *depth > 0)
		at = way[--*depth];
	return *depth > 0 || at->next ? at->next : NULL;
}

/* The @nth value below @root and what holds it; the number of values when there are fewer. */
static inline size_t json_pick(cJSON *root, size_t nth, cJSON **found, cJSON **parent)
{
	cJSON *way[CJSON_NESTING_LIMIT + 1];
	size_t depth = 0, count = 0;
	for (cJSON *at = json_next(root, way, &depth); at; at = json_next(at, way, &depth), count++)
		if (count == nth) {
			*found = at;
			*parent = way[depth - 1];
			break;
		}
	return count;
}

static inline cJSON *json_any(cJSON *root, uint32_t *state, cJSON **parent)
{
	cJSON *found = NULL;
	size_t count = json_pick(root, SIZE_MAX, &found, parent);
	if (count > 0)
		json_pick(root, json_dice(state, (uint32_t)count), &found, parent);
	return found;
}

static inline cJSON *json_other_number(const cJSON *item, uint32_t *state)
{
	static const double odd[] = { 0, 1, -1, 2, 1e-9, 0.5, 1e308, 9007199254740992.0, 9223372036854775808.0, 4294967296.0, 100000 };
	enum { ODD = sizeof(odd) / sizeof(odd[0]) };
	uint32_t which = json_dice(state, ODD + 4);
	double old = item->valuedouble;
	double close[] = { old + 1, old - 1, old * 2, old / 2 };
	return cJSON_CreateNumber(which < ODD ? odd[which] : close[which - ODD]);
}

static inline cJSON *json_other_string(const cJSON *item, uint32_t *state)
{
	char text[JSON_TEXT_MAX + 1];
	size_t size = strnlen(item->valuestring, JSON_TEXT_MAX);
	memcpy(text, item->valuestring, size);
	if (json_dice(state, 4) == 0)
		size = 0;
	else if (LLVMFuzzerMutate)
		size = LLVMFuzzerMutate((uint8_t *)text, size, JSON_TEXT_MAX);
	text[size] = '\0';
	return cJSON_CreateString(text);
}

static inline void json_put(cJSON *parent, cJSON *item, cJSON *made)
{
	if (!made)
		return;
	if (item->string && !made->string)
		made->string = strdup(item->string);
	cJSON_ReplaceItemViaPointer(parent, item, made);
}

static inline void json_change(cJSON *root, uint32_t *state)
{
	cJSON *parent = NULL, *other_parent = NULL;
	cJSON *item = json_any(root, state, &parent);
	if (!item)
		return;
	uint32_t how = json_dice(state, 8);
	if (how < 4 && cJSON_IsNumber(item))
		json_put(parent, item, json_other_number(item, state));
	else if (how < 3 && cJSON_IsString(item))
		json_put(parent, item, json_other_string(item, state));
	else if (how == 4)
		cJSON_Delete(cJSON_DetachItemViaPointer(parent, item));
	else if (how == 5 && cJSON_IsArray(parent))
		cJSON_AddItemToArray(parent, cJSON_Duplicate(item, true));
	else {
		cJSON *copy = cJSON_Duplicate(json_any(root, state, &other_parent), true);
		if (copy && copy->string) {
			cJSON_free(copy->string);
			copy->string = NULL;
		}
		json_put(parent, item, copy);
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	uint32_t state = seed;
	cJSON *root = json_dice(&state, 8) == 0 ? NULL : cJSON_ParseWithLength((const char *)data, size);
	if (!root)
		return LLVMFuzzerMutate ? LLVMFuzzerMutate(data, size, max_size) : size;
	for (uint32_t n = 1 + json_dice(&state, 4); n > 0; n--)
		json_change(root, &state);
	char *text = cJSON_PrintUnformatted(root);
	size_t length = text ? strlen(text) : 0;
	if (length > 0 && length <= max_size) {
		memcpy(data, text, length);
		size = length;
	}
	cJSON_free(text);
	cJSON_Delete(root);
	return size;
}

#endif
