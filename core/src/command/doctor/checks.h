/* command/doctor/checks.h - the checks that `weft doctor` and `weft run --check` are made of. Each adds its findings to
 * the report; none ends the others. */
#ifndef WEFT_COMMAND_DOCTOR_CHECKS_H
#define WEFT_COMMAND_DOCTOR_CHECKS_H

#include "command/doctor/report.h"
#include "config/config.h"
#include "host/plugin/loader.h"

struct weft_checks {
    struct weft_report *report;
    struct weft_config *config;
    struct weft_loader *loader;  /* NULL: there is none, as the report says */
    const char *const *services; /* names, NULL-terminated; NULL: none */
    uint64_t time_ns;            /* of each check */
    bool probes;                 /* may write, and undo it: doctor */
};

/* What all of them begin with: reads the settings and what the line says of services. False: they cannot be read, as
 * the report says. weft_checks_end gives back what the checks have opened, and the exit status. */
bool weft_checks_begin(struct weft_checks *checks, struct weft_command_line *line);
int weft_checks_end(struct weft_checks *checks);

/* local.c: what is here */
void weft_check_plugins(struct weft_checks *checks);  /* sets `loader` */
void weft_check_services(struct weft_checks *checks); /* sets `services` from the directory unless they are */
void weft_check_data_dir(struct weft_checks *checks);
void weft_check_ports(struct weft_checks *checks);
void weft_check_clock(struct weft_checks *checks);

/* backend.c, broker.c: what is elsewhere */
void weft_check_transport(struct weft_checks *checks);
void weft_check_cache(struct weft_checks *checks);
void weft_check_stores(struct weft_checks *checks);

/* backend.c: lets the plugin say what it finds; `what` goes before. */
struct weft_instance;
void weft_check_examine(struct weft_checks *checks, const char *what, struct weft_instance *instance);
/* What to do about a failure to reach or use a backend that is given by `origin`. In the line's arena. */
const char *weft_check_advice(struct weft_checks *checks, weft_status status, const char *text, const char *origin);

#endif
