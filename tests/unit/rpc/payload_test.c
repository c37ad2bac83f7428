/* Messages as they come off the wire: in pieces, compressed, hostile. */
#include "base/memory.h"
#include "rpc/server/payload.h"
#include "rpc_test.h"

#include <grpc/byte_buffer.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define LIMIT (1u << 20)

static void setup(void)
{
    grpc_init();
}

static void teardown(void)
{
    grpc_shutdown();
}

/* `size` times 'a', compressed; the last `cut` bytes are missing. In two slices. */
static grpc_byte_buffer *compressed(grpc_compression_algorithm algorithm, size_t size, size_t cut)
{
    unsigned char *plain = weft_memory_get(size + 1), *out = weft_memory_get(size + 1024);
    memset(plain, 'a', size);
    z_stream stream = { .next_in = plain, .avail_in = (uInt)size, .next_out = out, .avail_out = (uInt)(size + 1024) };
    int window = algorithm == GRPC_COMPRESS_GZIP ? 15 + 16 : 15;
    ck_assert_int_eq(deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    ck_assert_int_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t n = stream.total_out - cut;
    deflateEnd(&stream);
    grpc_slice slices[] = { grpc_slice_from_copied_buffer((const char *)out, n / 2),
                            grpc_slice_from_copied_buffer((const char *)out + n / 2, n - n / 2) };
    grpc_byte_buffer *buffer = grpc_raw_compressed_byte_buffer_create(slices, 2, algorithm);
    grpc_slice_unref(slices[0]);
    grpc_slice_unref(slices[1]);
    free(plain);
    free(out);
    return buffer;
}

static weft_status open_and_free(grpc_byte_buffer *buffer, struct weft_payload *payload)
{
    struct weft_fault fault;
    weft_status status = weft_payload_open(payload, buffer, LIMIT, &fault);
    grpc_byte_buffer_destroy(buffer);
    return status;
}

static const grpc_compression_algorithm algorithms[] = { GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE };

START_TEST(payload_is_decompressed_up_to_the_limit)
{
    static const size_t sizes[] = { 0, 1, 16384, 100000, LIMIT };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct weft_payload payload;
        ck_assert_int_eq(open_and_free(compressed(algorithms[_i], sizes[i], 0), &payload), WEFT_OK);
        ck_assert_uint_eq(payload.size, sizes[i]);
        for (size_t k = 0; k < payload.size; k++)
            ck_assert_int_eq(((const char *)payload.bytes)[k], 'a');
        weft_payload_close(&payload);
    }
}
END_TEST

START_TEST(payload_over_the_limit_is_given_up)
{
    struct weft_payload payload;
    ck_assert_int_eq(open_and_free(compressed(algorithms[_i], LIMIT + 1, 0), &payload), WEFT_RESOURCE_EXHAUSTED);
    ck_assert_int_eq(open_and_free(compressed(algorithms[_i], 50u << 20, 0), &payload), WEFT_RESOURCE_EXHAUSTED);
}
END_TEST

START_TEST(payload_that_is_cut_short_is_invalid)
{
    for (size_t cut = 1; cut < 12; cut++) {
        struct weft_payload payload;
        ck_assert_int_eq(open_and_free(compressed(algorithms[_i], 100000, cut), &payload), WEFT_INVALID_ARGUMENT);
    }
}
END_TEST

START_TEST(payload_that_is_not_compressed_as_it_says_is_invalid)
{
    struct weft_payload payload;
    grpc_slice slice = grpc_slice_from_static_string("hello");
    ck_assert_int_eq(open_and_free(grpc_raw_compressed_byte_buffer_create(&slice, 1, algorithms[_i]), &payload),
                     WEFT_INVALID_ARGUMENT);
    ck_assert_int_eq(open_and_free(grpc_raw_compressed_byte_buffer_create(NULL, 0, algorithms[_i]), &payload),
                     WEFT_INVALID_ARGUMENT);
}
END_TEST

TCase *payload_case(void)
{
    TCase *tcase = tcase_create("payload");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, payload_is_decompressed_up_to_the_limit, 0, 2);
    tcase_add_loop_test(tcase, payload_over_the_limit_is_given_up, 0, 2);
    tcase_add_loop_test(tcase, payload_that_is_cut_short_is_invalid, 0, 2);
    tcase_add_loop_test(tcase, payload_that_is_not_compressed_as_it_says_is_invalid, 0, 2);
    return tcase;
}
