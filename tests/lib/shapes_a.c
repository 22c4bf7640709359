/* shapes_a.c - one of two units with the same types: what is equal has to become one. */
#include "shapes.h"

struct twice {
    int first;
} twice_a;
struct only_a {
    struct twice inside;
    struct twice *behind;
} only_a;
struct swapped {
    int left, right;
};
struct keeper {
    struct swapped inside;
} keeper_a;
struct shapes shapes_a;

/* Variables: declared before, only declared, static, of one name and two types, of a thread. */
extern const char declared_first[];
const char declared_first[] = "text";
extern long only_declared;
static int only_in_a[2], in_both;
static struct twice of_two_types;
__thread long of_thread;

int *pointers_a(void **other, long *declared_only);
int *pointers_a(void **other, long *declared_only)
{
    static short of_a_body;

    *other = declared_only == &only_declared ? &of_a_body : (void *)&of_two_types;
    return of_thread ? only_in_a : &in_both;
}

static inline __attribute__((always_inline)) int inlined(int n)
{
    struct of_inline {
        char twice;
    } a = { (char)n };

    return a.twice;
}

int in_a(struct shapes *s);
int in_a(struct shapes *s)
{
    struct hidden {
        int in_a_body;
    } hidden = { s->named.z };
    enum local_enum { LOCAL = 1 << 20 } local = LOCAL;

    if (hidden.in_a_body) {
        union in_a_block {
            double of_block;
            char byte;
        } block = { s->real };
        typedef struct {
            short of_name;
        } local_name;
        local_name name = { block.byte };

        return inlined(name.of_name);
    }
    return inlined((int)local);
}
