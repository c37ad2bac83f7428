/* upstream.c - the request goes in by a file, so that no pipe can fill up while we write and it writes. */
#include "upstream.h"

#include "model.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

typedef Google__Protobuf__Compiler__CodeGeneratorRequest request_proto;
typedef Google__Protobuf__Compiler__CodeGeneratorResponse response_proto;

extern char **environ;

/* ---- what protoc-gen-c cannot take ------------------------------------------------------------------------------- */

static void clear_optional(message_proto *message)
{
    for (size_t i = 0; i < message->n_field; i++) {
        message->field[i]->has_proto3_optional = 0;
        message->field[i]->proto3_optional = 0;
    }
    for (size_t i = 0; i < message->n_nested_type; i++)
        clear_optional(message->nested_type[i]);
}

/* `indexes` points into the list of dependencies; the one at `removed` goes away. */
static void shift_indexes(int32_t *indexes, size_t *n, int32_t removed)
{
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++)
        if (indexes[i] != removed) indexes[kept++] = indexes[i] > removed ? indexes[i] - 1 : indexes[i];
    *n = kept;
}

static void remove_import(file_proto *file, const char *name)
{
    for (size_t i = 0; i < file->n_dependency; i++) {
        if (strcmp(file->dependency[i], name) != 0) continue;
        free(file->dependency[i]);
        memmove(&file->dependency[i], &file->dependency[i + 1],
                (file->n_dependency - i - 1) * sizeof *file->dependency);
        file->n_dependency--;
        shift_indexes(file->public_dependency, &file->n_public_dependency, (int32_t)i);
        shift_indexes(file->weak_dependency, &file->n_weak_dependency, (int32_t)i);
        return;
    }
}

static void simplify(file_proto *file)
{
    for (size_t i = 0; i < file->n_message_type; i++)
        clear_optional(file->message_type[i]);
    for (size_t i = 0; i < file->n_service; i++)
        google__protobuf__service_descriptor_proto__free_unpacked(file->service[i], NULL);
    file->n_service = 0;
    remove_import(file, "weft/options.proto");
}

/* ---- running it -------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 1, 2))) static response_proto *failure(const char *format, ...)
{
    response_proto *response = calloc(1, sizeof *response);
    va_list args;
    if (response == NULL) abort();
    google__protobuf__compiler__code_generator_response__init(response);
    va_start(args, format);
    if (vasprintf(&response->error, format, args) < 0) abort();
    va_end(args);
    return response;
}

static int request_file(const request_proto *request)
{
    size_t size = google__protobuf__compiler__code_generator_request__get_packed_size(request);
    uint8_t *bytes = malloc(size + 1);
    int file = memfd_create("protoc-gen-c", MFD_CLOEXEC);
    if (bytes == NULL || file < 0) abort();
    google__protobuf__compiler__code_generator_request__pack(request, bytes);
    for (size_t done = 0; done < size;) {
        ssize_t n = write(file, bytes + done, size - done);
        if (n < 0 && errno != EINTR) abort();
        if (n > 0) done += (size_t)n;
    }
    free(bytes);
    lseek(file, 0, SEEK_SET);
    return file;
}

static pid_t start(const char *program, int input, int output, int *ret_error)
{
    posix_spawn_file_actions_t actions;
    char *arguments[] = { (char *)program, NULL };
    pid_t child = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    *ret_error = posix_spawnp(&child, program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return *ret_error == 0 ? child : -1;
}

static char *read_all(int file, size_t *ret_size)
{
    char *bytes = NULL;
    FILE *out = open_memstream(&bytes, ret_size);
    char block[65536];
    ssize_t n;
    if (out == NULL) abort();
    while ((n = read(file, block, sizeof block)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0) fwrite(block, 1, (size_t)n, out);
    fclose(out);
    return bytes;
}

response_proto *weft_gen_upstream_run(const char *program, request_proto *request)
{
    int output[2], error, status = 0;
    for (size_t i = 0; i < request->n_proto_file; i++)
        simplify(request->proto_file[i]);
    free(request->parameter); /* ours, not its own */
    request->parameter = NULL;
    if (pipe2(output, O_CLOEXEC) != 0) return failure("pipe: %s", strerror(errno));
    int input = request_file(request);
    pid_t child = start(program, input, output[1], &error);
    close(input);
    close(output[1]);
    size_t size = 0;
    char *bytes = child > 0 ? read_all(output[0], &size) : NULL;
    close(output[0]);
    if (child <= 0)
        return failure("cannot run protoc-gen-c as \"%s\": %s; install protobuf-c-compiler, or name it by "
                       "--weft_opt=protoc_gen_c=PATH",
                       program, strerror(error));
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    response_proto *response = NULL;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        response = google__protobuf__compiler__code_generator_response__unpack(NULL, size, (const uint8_t *)bytes);
    free(bytes);
    return response != NULL
               ? response
               : failure("\"%s\" failed (wait status %d) on %s", program, status, request->file_to_generate[0]);
}
