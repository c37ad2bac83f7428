/* command/frame/completion.c - `weft completion bash`: a shell function made of the table. */
#include "command/command.h"
#include "command/frame/options.h"

#include <stdio.h>
#include <string.h>

static void options_print(const struct weft_command *command)
{
    struct weft_command_choice choices[WEFT_COMMAND_OPTIONS_MAX];
    size_t n = weft_command_choices(command, choices);
    bool two = strchr(command->name, ' ') != NULL;
    printf("    '%s'%s) options='", command->name, two ? "" : "' '*");
    for (size_t i = 0; i < n; i++)
        printf("%s--%s", i > 0 ? " " : "", choices[i].option->value.name);
    puts("' ;;");
}

/* First words, each once, or with `group` its second words. */
static void words_print(const char *group)
{
    const char *last = "";
    size_t last_length = 0;
    for (const struct weft_command *const *command = weft_commands; *command != NULL; command++) {
        const char *name = (*command)->name;
        size_t length = strcspn(name, " ");
        bool same = length == last_length && strncmp(name, last, length) == 0;
        if (group == NULL && !same) printf("%.*s ", (int)length, name);
        if (group != NULL && strncmp(name, group, strlen(group)) == 0 && name[strlen(group)] == ' ')
            printf("%s ", name + strlen(group) + 1);
        last = name;
        last_length = length;
    }
}

static void groups_print(void)
{
    char last[64] = "";
    for (const struct weft_command *const *command = weft_commands; *command != NULL; command++) {
        const char *name = (*command)->name;
        int length = (int)strcspn(name, " ");
        if (name[length] == '\0' || ((int)strlen(last) == length && strncmp(last, name, strlen(last)) == 0)) continue;
        snprintf(last, sizeof last, "%.*s", length, name);
        printf("    %s) verbs='", last);
        words_print(last);
        puts("' ;;");
    }
}

static int bash_print(struct weft_command_line *line)
{
    (void)line;
    puts("# bash completion of weft. To have it in every shell:\n"
         "#   weft completion bash > /etc/bash_completion.d/weft\n"
         "_weft() {\n"
         "    local word=${COMP_WORDS[COMP_CWORD]} verbs= options=\n"
         "    COMPREPLY=()\n"
         "    case ${COMP_WORDS[1]} in");
    groups_print();
    puts("    esac\n"
         "    case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in");
    for (const struct weft_command *const *command = weft_commands; *command != NULL; command++)
        options_print(*command);
    fputs("    esac\n"
          "    if [ \"$COMP_CWORD\" = 1 ]; then COMPREPLY=($(compgen -W '",
          stdout);
    words_print(NULL);
    puts("help --help --version' -- \"$word\"))\n"
         "    elif [ \"$COMP_CWORD\" = 2 ] && [ -n \"$verbs\" ]; then COMPREPLY=($(compgen -W \"$verbs\" -- "
         "\"$word\"))\n"
         "    elif [ \"${word:0:1}\" = - ]; then COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
         "    fi\n"
         "}\n"
         "complete -o default -F _weft weft");
    return WEFT_EXIT_OK;
}

const struct weft_command weft_command_completion = {
    .name = "completion bash",
    .summary = "completion of commands and options for bash",
    .about = "Prints a script for bash that completes weft's commands, verbs and options.",
    .exits = { [WEFT_EXIT_OK] = "the script is on stdout" },
    .example = "source <(weft completion bash)\n",
    .run = bash_print,
};
