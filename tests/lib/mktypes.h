/** mktypes.h - profiles from C declarations, laid out as a machine's compiler would: what tests
 * need of types.
 *
 *  `struct`, `union`, `enum`, `typedef`; nested and anonymous ones; pointers, arrays, bit-fields,
 * pointers to functions; C's integers, double, and u8 to s64. A struct declared again is a second
 * definition. `struct rq runqueues;` is a variable and its type. Whatever else stands in the text
 * ends the test. */
#ifndef MK_TYPES_H
#define MK_TYPES_H

#include "profile.h"

/** @base (may be NULL) with @module: a module's types on top of the kernel's. The caller frees. */
struct eg_profile *mk_types(const struct eg_model *model, const char *declarations,
                            const struct eg_profile *base, const char *module);

/** Ends a test or fuzz target that is itself wrong: a line on standard error, abort(). */
_Noreturn void mk_fail(const char *format, ...) EG_PRINTF(1, 2);

#endif
