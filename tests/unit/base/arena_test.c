#include "base/arena.h"
#include "base_test.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* One assertion a byte would take seconds: each tells its place to the test's parent. */
static bool holds_only(const char *piece, size_t size, unsigned char byte)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)piece[i] != byte) return false;
    return true;
}

START_TEST(arena_hands_out_zeroed_aligned_memory_also_after_reset)
{
    struct weft_arena *arena = weft_arena_new(1024);
    for (int round = 0; round < 2; round++) {
        for (size_t size = 0; size < 300; size++) {
            char *memory = weft_arena_alloc(arena, size);
            ck_assert_uint_eq((uintptr_t)memory % 16, 0);
            ck_assert(holds_only(memory, size, 0));
            memset(memory, 0xFF, size);
        }
        weft_arena_reset(arena);
        ck_assert_uint_eq(weft_arena_used(arena), 0);
    }
    weft_arena_free(arena);
}
END_TEST

START_TEST(arena_pieces_do_not_overlap_across_blocks)
{
    struct weft_arena *arena = weft_arena_new(64);
    char *pieces[200];
    for (size_t i = 0; i < 200; i++) {
        size_t size = i * i % 9000 + 1; /* some fit into a block, some have one of their own */
        pieces[i] = weft_arena_alloc(arena, size);
        memset(pieces[i], (int)i, size);
    }
    for (size_t i = 0; i < 200; i++)
        ck_assert(holds_only(pieces[i], i * i % 9000 + 1, (unsigned char)i));
    weft_arena_free(arena);
}
END_TEST

START_TEST(arena_keeps_its_first_block_across_resets)
{
    struct weft_arena *arena = weft_arena_new(256);
    void *first = weft_arena_alloc(arena, 32);
    weft_arena_alloc(arena, 100000);
    weft_arena_reset(arena);
    ck_assert_ptr_eq(weft_arena_alloc(arena, 32), first);
    weft_arena_free(arena);
}
END_TEST

START_TEST(arena_copies_end_in_nul)
{
    struct weft_arena *arena = weft_arena_new(64);
    char *copy = weft_arena_copy(arena, "abcdef", 3);
    ck_assert_str_eq(copy, "abc");
    ck_assert_str_eq(weft_arena_copy(arena, NULL, 0), "");
    ck_assert_str_eq(weft_arena_strdup(arena, "text"), "text");
    ck_assert_ptr_null(weft_arena_strdup(arena, NULL));
    weft_arena_free(arena);
}
END_TEST

START_TEST(arena_formats_texts_of_any_length)
{
    struct weft_arena *arena = weft_arena_new(64);
    char longer[1000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    ck_assert_str_eq(weft_arena_format(arena, "%s:%d", "a", 7), "a:7");
    ck_assert_str_eq(weft_arena_format(arena, "%s", ""), "");
    char *text = weft_arena_format(arena, "<%s>", longer);
    ck_assert_uint_eq(strlen(text), sizeof longer + 1);
    ck_assert_int_eq(text[sizeof longer], '>');
    weft_arena_free(arena);
}
END_TEST

START_TEST(arena_serves_protobuf_without_zeroing_or_freeing)
{
    struct weft_arena *arena = weft_arena_new(64);
    ProtobufCAllocator *allocator = weft_arena_protobuf(arena);
    char *memory = allocator->alloc(allocator->allocator_data, 40);
    memset(memory, 1, 40);
    allocator->free(allocator->allocator_data, memory);
    ck_assert_int_eq(memory[39], 1);
    ck_assert_uint_eq(weft_arena_used(arena), 40);
    weft_arena_free(arena);
}
END_TEST

TCase *arena_case(void)
{
    TCase *tests = tcase_create("arena");
    tcase_add_test(tests, arena_hands_out_zeroed_aligned_memory_also_after_reset);
    tcase_add_test(tests, arena_pieces_do_not_overlap_across_blocks);
    tcase_add_test(tests, arena_keeps_its_first_block_across_resets);
    tcase_add_test(tests, arena_copies_end_in_nul);
    tcase_add_test(tests, arena_formats_texts_of_any_length);
    tcase_add_test(tests, arena_serves_protobuf_without_zeroing_or_freeing);
    return tests;
}
