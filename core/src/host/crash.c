/* host/crash.c - says whose code a fatal signal lies in. The handler uses what was noted at load and write(2) only: no
 * locks, no memory, no loader, any of which may be what crashed. */
#include "host/crash.h"

#include "observe/log.h"

#include <elf.h>
#include <link.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    CRASH_MODULES = 32,
    CRASH_RANGES = 4,
    CRASH_BUILD_ID_BYTES = 20,
    CRASH_STACK_BYTES = 64 * 1024,
    CRASH_LINE = 1024,
    CRASH_STACK_WORDS = 512,
    CRASH_PAGE_BYTES = 4096,
    CRASH_PATIENCE_S = 2
};

struct range {
    uintptr_t from, to;
};

struct module {
    struct range ranges[CRASH_RANGES]; /* executable ones */
    char kind[16], name[64], version[32];
    char build_id[2 * CRASH_BUILD_ID_BYTES + 1];
};

/* The one state of a process that a signal handler can reach. Written at load by one thread, read by the handler:
 * `modules_used` is raised last (release), read first (acquire). */
static struct module modules[CRASH_MODULES];
static _Atomic unsigned modules_used;
static int crash_fd = STDERR_FILENO;
static atomic_int crash_told;

/* ---- at load ----------------------------------------------------------------------------------------------------- */

struct search {
    uintptr_t address;
    struct module *module;
};

/* The build id's note (ld --build-id) in a PT_NOTE segment. */
static void build_id_note(struct module *module, const char *note, size_t size)
{
    while (size >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) header;
        memcpy(&header, note, sizeof header);
        size_t name = (header.n_namesz + 3u) / 4 * 4, content = (header.n_descsz + 3u) / 4 * 4;
        if (name + content + sizeof header > size) return;
        const unsigned char *bytes = (const unsigned char *)note + sizeof header + name;
        if (header.n_type == NT_GNU_BUILD_ID && header.n_descsz <= CRASH_BUILD_ID_BYTES)
            for (size_t i = 0; i < header.n_descsz; i++)
                snprintf(module->build_id + 2 * i, 3, "%02x", bytes[i]);
        note += sizeof header + name + content;
        size -= sizeof header + name + content;
    }
}

static int module_note(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    struct search *search = arg;
    struct range ranges[CRASH_RANGES] = { 0 };
    size_t n = 0;
    bool found = false;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + segment->p_vaddr, to = from + segment->p_memsz;
        if (segment->p_type != PT_LOAD) continue;
        found = found || (search->address >= from && search->address < to);
        if ((segment->p_flags & PF_X) != 0 && n < CRASH_RANGES) ranges[n++] = (struct range){ from, to };
    }
    if (!found) return 0;
    memcpy(search->module->ranges, ranges, sizeof ranges);
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_NOTE)
            build_id_note(search->module, (const char *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr), /* NOLINT */
                          info->dlpi_phdr[i].p_memsz);
    return 1;
}

void weft_crash_add(const void *address, const char *kind, const char *name, const char *version)
{
    unsigned used = atomic_load_explicit(&modules_used, memory_order_relaxed);
    if (used == CRASH_MODULES) return;
    struct module *module = &modules[used];
    struct search search = { (uintptr_t)address, module };
    snprintf(module->kind, sizeof module->kind, "%s", kind);
    snprintf(module->name, sizeof module->name, "%s", name);
    snprintf(module->version, sizeof module->version, "%s", version != NULL ? version : "");
    if (dl_iterate_phdr(module_note, &search) == 1)
        atomic_store_explicit(&modules_used, used + 1, memory_order_release);
}

const char *weft_crash_build_id(const char *kind, const char *name)
{
    unsigned used = atomic_load_explicit(&modules_used, memory_order_acquire);
    for (const struct module *module = modules; module < modules + used; module++)
        if (strcmp(module->kind, kind) == 0 && strcmp(module->name, name) == 0) return module->build_id;
    return "";
}

/* ---- in the handler: async-signal-safe only (signal-safety(7)) ----------------------------------------------------
 */

struct line {
    char text[CRASH_LINE];
    size_t size;
};

/* Appends text, without what JSON would need escaped. */
static void line_text(struct line *line, const char *text)
{
    for (; *text != '\0' && line->size < sizeof line->text - 2; text++)
        line->text[line->size++] = *text;
}

static void line_value(struct line *line, const char *text)
{
    for (; *text != '\0' && line->size < sizeof line->text - 2; text++)
        line->text[line->size++] = *text >= ' ' && *text < 0x7f && *text != '"' && *text != '\\' ? *text : '?';
}

static void line_digits(struct line *line, unsigned long number, int n, const char *after)
{
    char digits[8] = "";
    for (int i = n - 1; i >= 0; i--, number /= 10)
        digits[i] = (char)('0' + number % 10);
    line_text(line, digits);
    line_text(line, after);
}

static void line_hex(struct line *line, uintptr_t number)
{
    char digits[2 * sizeof number + 1];
    size_t at = sizeof digits;
    digits[--at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[number % 16];
        number /= 16;
    } while (number > 0);
    line_text(line, "0x");
    line_text(line, digits + at);
}

static const char *signal_name(int number)
{
    switch (number) {
    case SIGSEGV:
        return "SIGSEGV";
    case SIGBUS:
        return "SIGBUS";
    case SIGILL:
        return "SIGILL";
    case SIGFPE:
        return "SIGFPE";
    case SIGABRT:
        return "SIGABRT";
    default:
        return "signal";
    }
}

static const struct module *module_at(uintptr_t address)
{
    unsigned used = atomic_load_explicit(&modules_used, memory_order_acquire);
    for (unsigned i = 0; i < used; i++)
        for (size_t r = 0; r < CRASH_RANGES; r++)
            if (address >= modules[i].ranges[r].from && address < modules[i].ranges[r].to) return &modules[i];
    return NULL;
}

static uintptr_t instruction_of(const void *context)
{
    const ucontext_t *machine = context;
#if defined(__x86_64__)
    return (uintptr_t)machine->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)machine->uc_mcontext.pc;
#else
    (void)machine;
    return 0;
#endif
}

static uintptr_t stack_of(const void *context)
{
    const ucontext_t *machine = context;
#if defined(__x86_64__)
    return (uintptr_t)machine->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
    return (uintptr_t)machine->uc_mcontext.sp;
#else
    (void)machine;
    return 0;
#endif
}

/* A library called by a module (abort() of glibc, memcpy) is the module's doing: so when the instruction lies in none,
 * the nearest return address on the stack that does decides. The kernel reads the stack for us page by page, which
 * tells unmapped memory (an overflow) as a short count instead of a second fault. */
static const struct module *module_on_stack(const void *context)
{
    uintptr_t words[CRASH_STACK_WORDS], from = stack_of(context);
    uintptr_t second = (from | (CRASH_PAGE_BYTES - 1)) + 1;
    size_t first_bytes = second - from < sizeof words ? second - from : sizeof words;
    struct iovec to = { words, sizeof words };
    struct iovec pages[] = { { (void *)from, first_bytes },
                             { (void *)second, sizeof words - first_bytes } }; /* NOLINT */
    if (from == 0 || from % sizeof *words != 0) return NULL;
    ssize_t size = process_vm_readv(getpid(), &to, 1, pages, 2, 0);
    const struct module *found = NULL;
    for (size_t i = 0; size > 0 && i < (size_t)size / sizeof *words && found == NULL; i++)
        found = module_at(words[i]);
    return found;
}

/* RFC 3339 by hand, for gmtime is not for signal handlers: days since 0000-03-01 in eras of 400 years (Hinnant,
 * "chrono-Compatible Low-Level Date Algorithms", civil_from_days). */
static void line_time(struct line *line)
{
    struct timespec now = { 0 };
    clock_gettime(CLOCK_REALTIME, &now);
    unsigned long days = (unsigned long)(now.tv_sec / 86400) + 719468, second = (unsigned long)(now.tv_sec % 86400);
    unsigned long era = days / 146097, in_era = days % 146097;
    unsigned long year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    unsigned long in_year = in_era - (365 * year + year / 4 - year / 100), month = (5 * in_year + 2) / 153;
    line_digits(line, year + era * 400 + (month >= 10), 4, "-");
    line_digits(line, month < 10 ? month + 3 : month - 9, 2, "-");
    line_digits(line, in_year - (153 * month + 2) / 5 + 1, 2, "T");
    line_digits(line, second / 3600, 2, ":");
    line_digits(line, second / 60 % 60, 2, ":");
    line_digits(line, second % 60, 2, ".");
    line_digits(line, (unsigned long)now.tv_nsec / 1000, 6, "Z");
}

static void culprit_text(struct line *line, const struct module *module)
{
    if (module == NULL) return;
    line_text(line, ",\"");
    line_text(line, module->kind);
    line_text(line, "\":\"");
    line_value(line, module->name);
    line_text(line, "\",\"version\":\"");
    line_value(line, module->version);
    line_text(line, "\",\"buildId\":\"");
    line_text(line, module->build_id);
    line_text(line, "\"");
}

static void crash_handle(int number, siginfo_t *info, void *context)
{
    struct line line = { .size = 0 };
    uintptr_t instruction = instruction_of(context);
    if (atomic_exchange(&crash_told, 1) != 0) { /* several threads in one broken plugin: the first one speaks */
        nanosleep(&(struct timespec){ .tv_sec = CRASH_PATIENCE_S }, NULL);
        return;
    }
    const struct module *module = module_at(instruction);
    if (module == NULL) module = module_on_stack(context);
    line_text(&line, "{\"timestamp\":\"");
    line_time(&line);
    line_text(&line, "\",\"level\":\"error\",\"context\":\"crash\",\"message\":\"");
    line_text(&line, signal_name(number));
    line_text(&line, module != NULL ? " in " : " in the process");
    line_text(&line, module != NULL ? module->kind : "");
    line_text(&line, module != NULL ? " " : "");
    line_value(&line, module != NULL ? module->name : "");
    line_text(&line, "\",\"instruction\":\"");
    line_hex(&line, instruction);
    line_text(&line, "\",\"address\":\"");
    line_hex(&line, number == SIGABRT ? 0 : (uintptr_t)info->si_addr);
    line_text(&line, "\"");
    culprit_text(&line, module);
    line_text(&line, "}\n");
    weft_log_end(); /* so that this is the last line, with those before it */
    ssize_t written = write(crash_fd, line.text, line.size);
    (void)written;
    signal(number, SIG_DFL);
    raise(number);
}

void weft_crash_install(int fd)
{
    static const int numbers[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
    crash_fd = fd;
    /* This thread's alone; other threads' handlers run on their own stacks, which have room unless they overflowed. */
    static char memory[CRASH_STACK_BYTES];
    stack_t stack = { .ss_sp = memory, .ss_size = sizeof memory };
    sigaltstack(&stack, NULL);
    struct sigaction action = { .sa_flags = SA_SIGINFO | SA_ONSTACK };
    action.sa_sigaction = crash_handle;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}
