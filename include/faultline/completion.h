/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * completion.h - completions of the command line for shells, out of the tables the parser reads
 */
#ifndef FAULTLINE_COMPLETION_H
#define FAULTLINE_COMPLETION_H

#include <stdio.h>

#include "faultline/command.h"

/**
 * fl_completion_write() - A script for @shell that completes commands, options and file names
 * @shell:    "bash", "zsh" or "fish"
 * @commands: the front door's table
 *
 * Return: 0, or -EINVAL when the shell is not known (nothing is written).
 */
int fl_completion_write(FILE *out, const char *shell, const struct fl_command *const *commands, size_t count);

#endif
