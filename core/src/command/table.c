/* command/table.c - the table of commands. A new one is a line here and a file that defines it. */
#include "command/command.h"

extern const struct weft_command weft_command_call;
extern const struct weft_command weft_command_completion;
extern const struct weft_command weft_command_config;
extern const struct weft_command weft_command_dead_drop;
extern const struct weft_command weft_command_dead_list;
extern const struct weft_command weft_command_dead_replay;
extern const struct weft_command weft_command_dead_show;
extern const struct weft_command weft_command_doctor;
extern const struct weft_command weft_command_health;
extern const struct weft_command weft_command_migrate_print;
extern const struct weft_command weft_command_migrate_status;
extern const struct weft_command weft_command_migrate_up;
extern const struct weft_command weft_command_outbox_retry;
extern const struct weft_command weft_command_outbox_status;
extern const struct weft_command weft_command_plugin_info;
extern const struct weft_command weft_command_plugin_list;
extern const struct weft_command weft_command_publish;
extern const struct weft_command weft_command_run;
extern const struct weft_command weft_command_tail;

/* clang-format off: one a line */
const struct weft_command *const weft_commands[] = {
    &weft_command_run,
    &weft_command_call,
    &weft_command_health,
    &weft_command_tail,
    &weft_command_publish,
    &weft_command_config,
    &weft_command_doctor,
    &weft_command_migrate_status,
    &weft_command_migrate_print,
    &weft_command_migrate_up,
    &weft_command_outbox_status,
    &weft_command_outbox_retry,
    &weft_command_dead_list,
    &weft_command_dead_show,
    &weft_command_dead_replay,
    &weft_command_dead_drop,
    &weft_command_plugin_list,
    &weft_command_plugin_info,
    &weft_command_completion,
    NULL,
};
