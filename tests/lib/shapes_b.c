/* shapes_b.c - the other unit. */
#include "shapes.h"

struct declared {
    struct shapes *back;
    int here;
} declared;
struct twice {
    long second, third;
} twice_b;
struct only_b {
    struct twice inside;
    struct twice *behind;
} only_b;
struct swapped {
    int right, left;
};
struct keeper {
    struct swapped inside; /**< as large as the other unit's, and another */
} keeper_b;
struct shapes shapes_b;
static int in_both;
static struct only_b of_two_types;

int *pointers_b(struct only_b **other);
int *pointers_b(struct only_b **other)
{
    *other = &of_two_types;
    return &in_both;
}
#ifdef __SIZEOF_INT128__
enum wide wide_b;
#endif
