/* upstream.h - protoc-gen-c, which makes the messages. We run it ourselves, on a request it can take. */
#ifndef WEFT_GEN_UPSTREAM_H
#define WEFT_GEN_UPSTREAM_H

#include "google/protobuf/compiler/plugin.pb-c.h"

/* Runs `program` on the request. Never NULL: when it cannot be run, the response says so as its error. The caller frees
 * it by google__protobuf__compiler__code_generator_response__free_unpacked. Changes the request: proto3_optional is
 * cleared, because protoc-gen-c refuses it while the oneof beside it works; services and the import of
 * weft/options.proto are left out, because protobuf-c's services know no streams and its messages no options. */
Google__Protobuf__Compiler__CodeGeneratorResponse *
weft_gen_upstream_run(const char *program, Google__Protobuf__Compiler__CodeGeneratorRequest *request);

#endif
