/* weft/sql.h - how weft_exec(tx, "... $1 ...", id) makes typed parameters out of plain C values. Included by service.h;
 * authors need not read it.
 *
 * C: each argument goes through _Generic to a struct weft_value, all of them into a compound literal. C++: a template.
 */
#ifndef WEFT_SQL_H
#define WEFT_SQL_H

#include <protobuf-c/protobuf-c.h>
#include <weft/value.h>

/* A statement with its parameters. WEFT_SQL("... $1 ...", p1) makes one that lives to the end of the block (C), of the
 * full expression (C++). */
struct weft_sql {
    const char *text;
    const struct weft_value *params;
    uint32_t n_params;
    uint32_t spare;
};

#ifndef __cplusplus

#define WEFT_VALUE(x)                                                                                                   \
    _Generic((x),                                                                                                       \
        bool: weft_bool,                                                                                                \
        char: weft_int, signed char: weft_int, unsigned char: weft_int,                                                 \
        short: weft_int, unsigned short: weft_int,                                                                      \
        int: weft_int, unsigned int: weft_int,                                                                          \
        long: weft_int, unsigned long: weft_int,                                                                        \
        long long: weft_int, unsigned long long: weft_int,                                                              \
        float: weft_double, double: weft_double,                                                                        \
        char *: weft_text, const char *: weft_text,                                                                     \
        ProtobufCBinaryData: weft_binary,                                                                               \
        struct weft_value: weft_value_same)(x)

static inline struct weft_value weft_binary(ProtobufCBinaryData data) { return weft_bytes(data.data, data.len); }

/* How many follow the SQL text, 0 to 16. */
#define WEFT_SQL_COUNT(...) WEFT_SQL_COUNT_(__VA_ARGS__, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0)
#define WEFT_SQL_COUNT_(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, n, ...) n
#define WEFT_SQL(...) WEFT_SQL_JOIN(WEFT_SQL_, WEFT_SQL_COUNT(__VA_ARGS__))(__VA_ARGS__)
#define WEFT_SQL_JOIN(a, b) WEFT_SQL_JOIN_(a, b)
#define WEFT_SQL_JOIN_(a, b) a##b
#define WEFT_SQL_LITERAL(sql, n, ...) ((struct weft_sql){ (sql), (const struct weft_value[]){ __VA_ARGS__ }, (n), 0 })
#define WEFT_SQL_0(sql) ((struct weft_sql){ (sql), 0, 0, 0 })
#define WEFT_SQL_1(sql, p1) WEFT_SQL_LITERAL(sql, 1, WEFT_VALUE(p1))
#define WEFT_SQL_2(sql, p1, p2) WEFT_SQL_LITERAL(sql, 2, WEFT_VALUE(p1), WEFT_VALUE(p2))
#define WEFT_SQL_3(sql, p1, p2, p3) WEFT_SQL_LITERAL(sql, 3, WEFT_VALUE(p1), WEFT_VALUE(p2), WEFT_VALUE(p3))
#define WEFT_SQL_4(sql, p1, p2, p3, p4) \
    WEFT_SQL_LITERAL(sql, 4, WEFT_VALUE(p1), WEFT_VALUE(p2), WEFT_VALUE(p3), WEFT_VALUE(p4))
#define WEFT_SQL_5(sql, p1, p2, p3, p4, p5) \
    WEFT_SQL_LITERAL(sql, 5, WEFT_VALUE(p1), WEFT_VALUE(p2), WEFT_VALUE(p3), WEFT_VALUE(p4), WEFT_VALUE(p5))
#define WEFT_SQL_6(sql, p1, p2, p3, p4, p5, p6) \
    WEFT_SQL_LITERAL(sql, 6, WEFT_VALUE(p1), WEFT_VALUE(p2), WEFT_VALUE(p3), WEFT_VALUE(p4), WEFT_VALUE(p5), \
        WEFT_VALUE(p6))
#define WEFT_SQL_7(sql, p1, p2, p3, p4, p5, p6, p7) \
    WEFT_SQL_LITERAL(sql, 7, WEFT_VALUE(p1), WEFT_VALUE(p2), WEFT_VALUE(p3), WEFT_VALUE(p4), WEFT_VALUE(p5), \
        WEFT_VALUE(p6), WEFT_VALUE(p7))
#define WEFT_SQL_8(sql, p1, p2, p3, p4, p5, p6, p7, p8) \
    WEFT_SQL_LITERAL(sql, 8, WEFT_VALUE(p1), WEFT_VALUE(p2), WEFT_VALUE(p3), WEFT_VALUE(p4), WEFT_VALUE(p5), \
        WEFT_VALUE(p6), WEFT_VALUE(p7), WEFT_VALUE(p8))
#define WEFT_SQL_9(sql, p1, p2, p3, p4, p5, p6, p7, p8, p9) \
    WEFT_SQL_LITERAL(sql, 9, WEFT_VALUE(p1), WEFT_VALUE(p2), WEFT_VALUE(p3), WEFT_VALUE(p4), WEFT_VALUE(p5), \
        WEFT_VALUE(p6), WEFT_VALUE(p7), WEFT_VALUE(p8), WEFT_VALUE(p9))
#define WEFT_SQL_10(sql, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10) \
    WEFT_SQL_LITERAL(sql, 10, WEFT_VALUE(p1), WEFT_VALUE(p2), WEFT_VALUE(p3), WEFT_VALUE(p4), WEFT_VALUE(p5), \
        WEFT_VALUE(p6), WEFT_VALUE(p7), WEFT_VALUE(p8), WEFT_VALUE(p9), WEFT_VALUE(p10))
#define WEFT_SQL_11(sql, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11) \
    WEFT_SQL_LITERAL(sql, 11, WEFT_VALUE(p1), WEFT_VALUE(p2), WEFT_VALUE(p3), WEFT_VALUE(p4), WEFT_VALUE(p5), \
        WEFT_VALUE(p6), WEFT_VALUE(p7), WEFT_VALUE(p8), WEFT_VALUE(p9), WEFT_VALUE(p10), WEFT_VALUE(p11))
#define WEFT_SQL_12(sql, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12) \
    WEFT_SQL_LITERAL(sql, 12, WEFT_VALUE(p1), WEFT_VALUE(p2), WEFT_VALUE(p3), WEFT_VALUE(p4), WEFT_VALUE(p5), \
        WEFT_VALUE(p6), WEFT_VALUE(p7), WEFT_VALUE(p8), WEFT_VALUE(p9), WEFT_VALUE(p10), WEFT_VALUE(p11), \
        WEFT_VALUE(p12))
#define WEFT_SQL_13(sql, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13) \
    WEFT_SQL_LITERAL(sql, 13, WEFT_VALUE(p1), WEFT_VALUE(p2), WEFT_VALUE(p3), WEFT_VALUE(p4), WEFT_VALUE(p5), \
        WEFT_VALUE(p6), WEFT_VALUE(p7), WEFT_VALUE(p8), WEFT_VALUE(p9), WEFT_VALUE(p10), WEFT_VALUE(p11), \
        WEFT_VALUE(p12), WEFT_VALUE(p13))
#define WEFT_SQL_14(sql, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14) \
    WEFT_SQL_LITERAL(sql, 14, WEFT_VALUE(p1), WEFT_VALUE(p2), WEFT_VALUE(p3), WEFT_VALUE(p4), WEFT_VALUE(p5), \
        WEFT_VALUE(p6), WEFT_VALUE(p7), WEFT_VALUE(p8), WEFT_VALUE(p9), WEFT_VALUE(p10), WEFT_VALUE(p11), \
        WEFT_VALUE(p12), WEFT_VALUE(p13), WEFT_VALUE(p14))
#define WEFT_SQL_15(sql, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15) \
    WEFT_SQL_LITERAL(sql, 15, WEFT_VALUE(p1), WEFT_VALUE(p2), WEFT_VALUE(p3), WEFT_VALUE(p4), WEFT_VALUE(p5), \
        WEFT_VALUE(p6), WEFT_VALUE(p7), WEFT_VALUE(p8), WEFT_VALUE(p9), WEFT_VALUE(p10), WEFT_VALUE(p11), \
        WEFT_VALUE(p12), WEFT_VALUE(p13), WEFT_VALUE(p14), WEFT_VALUE(p15))
#define WEFT_SQL_16(sql, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15, p16) \
    WEFT_SQL_LITERAL(sql, 16, WEFT_VALUE(p1), WEFT_VALUE(p2), WEFT_VALUE(p3), WEFT_VALUE(p4), WEFT_VALUE(p5), \
        WEFT_VALUE(p6), WEFT_VALUE(p7), WEFT_VALUE(p8), WEFT_VALUE(p9), WEFT_VALUE(p10), WEFT_VALUE(p11), \
        WEFT_VALUE(p12), WEFT_VALUE(p13), WEFT_VALUE(p14), WEFT_VALUE(p15), WEFT_VALUE(p16))

#else /* C++ */

#include <type_traits>

struct weft_sql_param : weft_value {
    weft_sql_param(const char *text) : weft_value(weft_text(text)) {}
    weft_sql_param(bool truth) : weft_value(weft_bool(truth)) {}
    weft_sql_param(double real) : weft_value(weft_double(real)) {}
    weft_sql_param(ProtobufCBinaryData data) : weft_value(weft_bytes(data.data, data.len)) {}
    weft_sql_param(weft_value value) : weft_value(value) {}
    template <typename T, typename = typename std::enable_if<std::is_integral<T>::value && !std::is_same<T, bool>::value>::type>
    weft_sql_param(T integer) : weft_value(weft_int(static_cast<int64_t>(integer))) {}
};

/* Lives to the end of the full expression, as the parameters do. */
template <size_t N> struct weft_sql_holder {
    weft_value params[N + 1];
    const char *text;
    operator weft_sql() const { return weft_sql{ text, params, static_cast<uint32_t>(N), 0 }; }
};

template <typename... P> weft_sql_holder<sizeof...(P)> WEFT_SQL(const char *text, P... params)
{
    return weft_sql_holder<sizeof...(P)>{ { weft_sql_param(params)..., weft_null() }, text };
}

#endif
#endif
