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

int in_a(struct shapes *s);
int in_a(struct shapes *s)
{
    struct hidden {
        int in_a_body;
    } hidden = { s->named.z };

    return hidden.in_a_body;
}
