/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * completion.c - completion scripts, written at build time by the program itself
 *
 * What a shell offers is what the parser takes, since both come from one table. Values are not guessed: an option that takes
 * one gets file names, as everything else that is no option does. The help texts are ours, but they
 * hold quotes and brackets, so each shell's quoting is done in one place.
 */
#include "faultline/completion.h"

#include <errno.h>
#include <string.h>

/* Inside '...': a quote ends the string, is given escaped, and begins it again. Of zsh's _arguments the brackets and colons count, too. */
static void put_quoted(FILE *out, const char *text, const char *escaped)
{
	for (const char *c = text; *c; c++) {
		if (*c == '\'')
			fputs("'\\''", out);
		else if (strchr(escaped, *c))
			fprintf(out, "\\%c", *c);
		else
			fputc(*c, out);
	}
}

static void put_bash_words(FILE *out, const struct fl_option *o)
{
	fputs("--help", out);
	for (; o->name; o++) {
		fprintf(out, " --%s", o->name);
		if (o->letter)
			fprintf(out, " -%c", o->letter);
	}
}

static void write_bash(FILE *out, const struct fl_command *const *commands, size_t count)
{
	fputs("# Completion of faultline for bash; made from the tables of the program.\n"
	      "_faultline()\n"
	      "{\n"
	      "\tlocal words options\n"
	      "\tif [ \"$COMP_CWORD\" -eq 1 ] || { [ \"$COMP_CWORD\" -eq 2 ] && [ \"${COMP_WORDS[1]}\" = help ]; }; then\n"
	      "\t\twords='--help --version help",
	      out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, " %s", commands[i]->name);
	fputs("'\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$2\")\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tcase ${COMP_WORDS[1]} in\n",
	      out);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "\t%s) options='", commands[i]->name);
		put_bash_words(out, commands[i]->usage->options);
		fputs("' ;;\n", out);
	}
	fputs("\t*) options=--help ;;\n"
	      "\tesac\n"
	      "\tcase $2 in\n"
	      "\t-*) mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$2\") ;;\n"
	      "\t*)\n"
	      "\t\tcompopt -o filenames 2>/dev/null\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$2\")\n"
	      "\t\t;;\n"
	      "\tesac\n"
	      "}\n"
	      "complete -F _faultline faultline\n",
	      out);
}

static void put_zsh_option(FILE *out, const struct fl_option *o)
{
	const char *repeat = o->kind == FL_OPTION_STRINGS ? "*" : "";
	for (int letter = 0; letter < (o->letter ? 2 : 1); letter++) {
		fprintf(out, " \\\n\t\t'%s", repeat);
		if (letter)
			fprintf(out, "-%c[", o->letter);
		else
			fprintf(out, "--%s%s[", o->name, o->argument ? "=" : "");
		put_quoted(out, o->help, "[]:\\");
		fputc(']', out);
		if (o->argument) {
			fputc(':', out);
			put_quoted(out, o->argument, "[]:\\");
			fputs(":_files", out);
		}
		fputc('\'', out);
	}
}

static void write_zsh(FILE *out, const struct fl_command *const *commands, size_t count)
{
	fputs("#compdef faultline\n"
	      "# Completion of faultline for zsh; made from the tables of the program.\n"
	      "_faultline()\n"
	      "{\n"
	      "\tlocal -a commands\n"
	      "\tcommands=(\n",
	      out);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "\t\t'%s:", commands[i]->name);
		put_quoted(out, commands[i]->usage->about, ":\\");
		fputs("'\n", out);
	}
	fputs("\t\t'help:Show how a command is used'\n"
	      "\t)\n"
	      "\tif (( CURRENT == 2 )) || [[ $words[2] == help ]]; then\n"
	      "\t\t_describe command commands\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tlocal command=$words[2]\n"
	      "\tshift words\n"
	      "\t(( CURRENT-- ))\n"
	      "\tcase $command in\n",
	      out);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "\t%s)\n\t\t_arguments '--help[show the options]' '*:file:_files'", commands[i]->name);
		for (const struct fl_option *o = commands[i]->usage->options; o->name; o++)
			put_zsh_option(out, o);
		fputs("\n\t\t;;\n", out);
	}
	fputs("\tesac\n"
	      "}\n"
	      "_faultline \"$@\"\n",
	      out);
}

static void write_fish(FILE *out, const struct fl_command *const *commands, size_t count)
{
	fputs("# Completion of faultline for fish; made from the tables of the program.\n", out);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "complete -c faultline -n '__fish_use_subcommand; or __fish_seen_subcommand_from help' -f -a %s -d '",
			commands[i]->name);
		put_quoted(out, commands[i]->usage->about, "\\");
		fputs("'\n", out);
	}
	fputs("complete -c faultline -n __fish_use_subcommand -f -a help -d 'Show how a command is used'\n", out);
	for (size_t i = 0; i < count; i++)
		for (const struct fl_option *o = commands[i]->usage->options; o->name; o++) {
			fprintf(out, "complete -c faultline -n '__fish_seen_subcommand_from %s' -l %s", commands[i]->name,
				o->name);
			if (o->letter)
				fprintf(out, " -s %c", o->letter);
			fputs(o->argument ? " -r -d '" : " -d '", out);
			put_quoted(out, o->help, "\\");
			fputs("'\n", out);
		}
}

int fl_completion_write(FILE *out, const char *shell, const struct fl_command *const *commands, size_t count)
{
	static const struct {
		const char *shell;
		void (*write)(FILE *out, const struct fl_command *const *commands, size_t count);
	} writers[] = { { "bash", write_bash }, { "zsh", write_zsh }, { "fish", write_fish } };
	for (size_t i = 0; i < FL_ARRAY_LEN(writers); i++) {
		if (strcmp(writers[i].shell, shell) != 0)
			continue;
		writers[i].write(out, commands, count);
		return 0;
	}
	return -EINVAL;
}
