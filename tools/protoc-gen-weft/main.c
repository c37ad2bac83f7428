/* protoc-gen-weft - a protoc plugin: reads a CodeGeneratorRequest from stdin, writes a CodeGeneratorResponse to stdout.
 * One --weft_out gives both what protoc-gen-c makes (x.pb-c.h, x.pb-c.c) and what is ours (x.weft.h, x.weft.c).
 *
 *   protoc --plugin=protoc-gen-weft=PATH --weft_out=DIR [--weft_opt=protoc_gen_c=PATH] a/v1/a.proto
 *
 * Mistakes in the contract are the response's error and exit 0: protoc prints them and fails. */
#include "lint.h"
#include "model.h"
#include "names.h"
#include "output.h"
#include "upstream.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef Google__Protobuf__Compiler__CodeGeneratorRequest request_proto;
typedef Google__Protobuf__Compiler__CodeGeneratorResponse response_proto;
typedef Google__Protobuf__Compiler__CodeGeneratorResponse__File output_proto;

enum { FEATURE_PROTO3_OPTIONAL = 1 };

/* "name=value,name=value". NULL: fine; else what is wrong. */
static const char *parse_parameter(struct weft_gen_model *model, const char *parameter, const char **ret_protoc_gen_c)
{
    while (parameter != NULL && *parameter != '\0') {
        size_t size = strcspn(parameter, ",");
        if (strncmp(parameter, "protoc_gen_c=", 13) == 0 && size > 13)
            *ret_protoc_gen_c = weft_gen_format(model, "%.*s", (int)(size - 13), parameter + 13);
        else
            return weft_gen_format(model, "--weft_opt \"%.*s\" is unknown; there is protoc_gen_c=PATH", (int)size,
                                   parameter);
        parameter += size + (parameter[size] == ',');
    }
    return NULL;
}

static char *lint(struct weft_gen_model *model, const request_proto *request)
{
    char *text = NULL;
    size_t size, count = 0;
    FILE *errors = open_memstream(&text, &size);
    if (errors == NULL) abort();
    for (size_t i = 0; i < request->n_file_to_generate; i++) {
        if (count > 0) fputc('\n', errors);
        count += weft_gen_lint(model, weft_gen_model_file(model, request->file_to_generate[i]), errors);
    }
    fclose(errors);
    if (count > 0) return text;
    free(text);
    return NULL;
}

static void add_file(struct weft_gen_model *model, response_proto *response, const char *name, const char *suffix,
                     void (*write)(struct weft_gen_model *, const file_proto *, FILE *))
{
    output_proto *output = malloc(sizeof *output);
    size_t size;
    response->file = realloc(response->file, (response->n_file + 1) * sizeof(output_proto *));
    if (output == NULL || response->file == NULL) abort();
    google__protobuf__compiler__code_generator_response__file__init(output);
    output->name = strdup(weft_gen_format(model, "%s%s", weft_gen_name_stem(model, name), suffix));
    FILE *out = open_memstream(&output->content, &size);
    if (output->name == NULL || out == NULL) abort();
    write(model, weft_gen_model_file(model, name), out);
    fclose(out);
    response->file[response->n_file++] = output;
}

static void write_response(response_proto *response)
{
    response->has_supported_features = 1;
    response->supported_features = FEATURE_PROTO3_OPTIONAL;
    size_t size = google__protobuf__compiler__code_generator_response__get_packed_size(response);
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL) abort();
    google__protobuf__compiler__code_generator_response__pack(response, bytes);
    fwrite(bytes, 1, size, stdout);
    free(bytes);
}

static void write_error(char *text)
{
    response_proto response = GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__INIT;
    response.error = text;
    write_response(&response);
}

/* Ours is written first: running protoc-gen-c changes the request, which the model looks into. */
static void generate(struct weft_gen_model *model, request_proto *request, const char *protoc_gen_c)
{
    response_proto ours = GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__INIT;
    for (size_t i = 0; i < request->n_file_to_generate; i++) {
        add_file(model, &ours, request->file_to_generate[i], ".weft.h", weft_gen_header);
        add_file(model, &ours, request->file_to_generate[i], ".weft.c", weft_gen_source);
    }
    response_proto *response = weft_gen_upstream_run(protoc_gen_c, request);
    response->file = realloc(response->file, (response->n_file + ours.n_file) * sizeof *response->file);
    if (response->file == NULL) abort();
    memcpy(response->file + response->n_file, ours.file, ours.n_file * sizeof *ours.file);
    response->n_file += ours.n_file;
    free(ours.file);
    write_response(response);
    google__protobuf__compiler__code_generator_response__free_unpacked(response, NULL);
}

static request_proto *read_request(void)
{
    char *bytes = NULL;
    size_t size, n;
    FILE *memory = open_memstream(&bytes, &size);
    char block[65536];
    if (memory == NULL) abort();
    while ((n = fread(block, 1, sizeof block, stdin)) > 0)
        fwrite(block, 1, n, memory);
    fclose(memory);
    request_proto *request =
        google__protobuf__compiler__code_generator_request__unpack(NULL, size, (const uint8_t *)bytes);
    free(bytes);
    return request;
}

int main(int argc, char **argv)
{
    if (argc > 1 || isatty(STDIN_FILENO)) {
        fprintf(stderr, "%s is a plugin of protoc: protoc --plugin=protoc-gen-weft=%s --weft_out=DIR x.proto\n",
                argv[0], argv[0]);
        return 2;
    }
    request_proto *request = read_request();
    if (request == NULL) {
        fprintf(stderr, "%s: stdin holds no CodeGeneratorRequest\n", argv[0]);
        return 1;
    }
    struct weft_gen_model model;
    const char *protoc_gen_c = "protoc-gen-c";
    weft_gen_model_init(&model, request);
    const char *parameter_error = parse_parameter(&model, request->parameter, &protoc_gen_c);
    char *mistakes = lint(&model, request);
    if (parameter_error != NULL)
        write_error((char *)parameter_error);
    else if (mistakes != NULL)
        write_error(mistakes);
    else
        generate(&model, request, protoc_gen_c);
    free(mistakes);
    weft_gen_model_free(&model);
    google__protobuf__compiler__code_generator_request__free_unpacked(request, NULL);
    return fflush(stdout) == 0 ? 0 : 1;
}
