/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faultline.c - the front door: the table of commands
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "faultline/command.h"
#include "faultline/completion.h"
#include "faultline/nearest.h"

static const struct fl_command *const commands[] = {
	&fl_command_scan, &fl_command_watch, &fl_command_graph, &fl_command_deps, &fl_command_rank,
	&fl_command_blast, &fl_command_risk, &fl_command_shared, &fl_command_behave,
	&fl_command_path, &fl_command_diff, &fl_command_check, &fl_command_report, &fl_command_scans,
};

/* What may stand in the place of a command. */
static const char *const before_commands[] = { "help", "--help", "--version", "--completion" };

static void print_usage(FILE *out)
{
	fputs("usage: faultline COMMAND [ARGUMENT]...\n\n"
	      "Watches what hosts really talk to and tells what breaks when one of those things breaks.\n\n",
	      out);
	for (size_t i = 0; i < FL_ARRAY_LEN(commands); i++)
		fprintf(out, "  %-8s %s\n", commands[i]->name, commands[i]->usage->about);
	fputs("\nfaultline COMMAND --help (or faultline help COMMAND) shows a command's options; faultline --completion SHELL completes them in bash, zsh or fish;\n"
	      "faultline --version tells the version. All of it: man faultline, in the source man ./faultline.1\n",
	      out);
}

static int print_completion(const char *shell)
{
	struct fl_error err;
	if (fl_completion_write(stdout, shell, commands, FL_ARRAY_LEN(commands)) == 0)
		return FL_EXIT_OK;
	fl_fail(&err, -1, "give a shell: bash, zsh or fish");
	return fl_command_fail("--completion", &err);
}

static const struct fl_command *find_command(const char *name)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(commands); i++)
		if (strcmp(name, commands[i]->name) == 0)
			return commands[i];
	return NULL;
}

static int fail_unknown(const char *name)
{
	struct fl_nearest near = { .text = name, .size = strlen(name) };
	struct fl_error err;
	for (size_t i = 0; i < FL_ARRAY_LEN(commands); i++)
		fl_nearest_offer(&near, commands[i]->name);
	for (size_t i = 0; i < FL_ARRAY_LEN(before_commands); i++)
		fl_nearest_offer(&near, before_commands[i]);
	fl_fail(&err, -1, "no such %s; %s%s%s'faultline --help' lists them", name[0] == '-' ? "option, and others stand behind a command" : "command",
		near.best ? "did you mean '" : "", near.best ? near.best : "", near.best ? "'? " : "");
	return fl_command_fail(name, &err);
}

static int help(const char *about)
{
	const struct fl_command *command = about ? find_command(about) : NULL;
	char *asked[] = { (char[]){ "--help" }, NULL };
	if (command)
		return command->run(1, asked);
	if (about && strcmp(about, "help") != 0)
		return fail_unknown(about);
	print_usage(stdout);
	return FL_EXIT_OK;
}

/* The next file that is opened would get the number of one that is closed, and what is said would go into it. Each is held the wrong way
 * round: reading and writing fail as they did. */
static void hold_standard_files(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
	hold_standard_files();
	if (argc < 2) {
		print_usage(stderr);
		return FL_EXIT_ERROR;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
		return help(argc > 2 ? argv[2] : NULL);
	if (strcmp(argv[1], "--version") == 0) {
		puts("faultline " FL_VERSION);
		return FL_EXIT_OK;
	}
	if (strcmp(argv[1], "--completion") == 0)
		return print_completion(argc > 2 ? argv[2] : "");
	const struct fl_command *command = find_command(argv[1]);
	return command ? command->run(argc - 2, argv + 2) : fail_unknown(argv[1]);
}
