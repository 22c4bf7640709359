/* cloudhv.c - snapshots of Cloud Hypervisor (github.com/cloud-hypervisor/cloud-hypervisor,
 * vmm/src/memory_manager.rs): a folder with config.json, state.json and memory-ranges. The latter
 * is the memory, range after range; state.json lists them, in a JSON text that is a string in it:
 *
 *   \"memory_ranges\":{\"data\":[{\"gpa\":0,\"length\":1073741824}, …]} */
#include "../core/image.h"
#include <inttypes.h>
#include <stdlib.h>

enum { RANGES_MAX = 1 << 12, LISTS_MAX = 64, STATE_MAX = 64 << 20 };

static const char memory_name[] = "memory-ranges", state_name[] = "state.json";

static bool is_named(const char *path, const char *name)
{
    const char *slash = path ? strrchr(path, '/') : NULL;

    return path && !strcmp(slash ? slash + 1 : path, name);
}

static int probe(const struct eg_head *h)
{
    if (is_named(h->path, state_name) && h->len && h->at[0] == '{')
        return 60;
    return is_named(h->path, memory_name) ? 40 : 0;
}

/* ---- state.json ---- */

/** The text of the state without backslashes, and ended by a zero. NULL: cannot be read. */
static char *read_text(struct eg_image *img, struct eg_space *state)
{
    const size_t size = (size_t)EG_MIN(eg_space_size(state), (uint64_t)STATE_MAX);
    char *text = malloc(size + 1);
    size_t n = 0;

    if (!text)
        return NULL;
    eg_read_some(img->view, state, 0, text, size, NULL);
    for (size_t i = 0; i < size; i++)
        if (text[i] && text[i] != '\\')
            text[n++] = text[i];
    text[n] = 0;
    return text;
}

/** Skip blanks, then @word. @p may be NULL. @return behind it; NULL: it is not there. */
static const char *skip(const char *p, const char *word)
{
    if (!p)
        return NULL;
    p += strspn(p, " \t\r\n");
    return !strncmp(p, word, strlen(word)) ? p + strlen(word) : NULL;
}

/** Behind the value at @p. NULL: it does not end. */
static const char *skip_value(const char *p)
{
    int depth = 0;

    do {
        p += strspn(p, " \t\r\n,:");
        if (*p == '"') {
            p = strchr(p + 1, '"');
            if (!p)
                return NULL;
            p++;
        } else if (*p == '{' || *p == '[') {
            depth++;
            p++;
        } else if (*p == '}' || *p == ']') {
            depth--;
            p++;
        } else if (*p) {
            p += strcspn(p, " \t\r\n,:{}[]\"");
        } else {
            return NULL;
        }
    } while (depth > 0);
    return depth ? NULL : p;
}

/** The value of a member of the object at @p. NULL: it is no object, or has none. */
static const char *member(const char *p, const char *name)
{
    const char *value;

    p = skip(p, "{");
    while (p && !skip(p, "}")) {
        value = skip(skip(p, name), ":");
        if (value)
            return value;
        p = skip(skip_value(p), ":"); // its name
        p = p ? skip_value(p) : NULL;
        if (p && skip(p, ","))
            p = skip(p, ",");
    }
    return NULL;
}

static bool number(const char *p, uint64_t *out)
{
    if (p)
        p += strspn(p, " \t\r\n");
    if (!p || *p < '0' || *p > '9')
        return false;
    *out = strtoull(p, NULL, 10);
    return true;
}

struct list {
    EG_VEC(struct eg_segment) at;
    uint64_t bytes;
};

/** Read the list of ranges that is the value at @p. @return false: it is none, or is damaged. */
static bool read_list(struct list *l, const char *p, struct eg_space *memory)
{
    const uint64_t size = eg_space_size(memory);

    l->bytes = l->at.n = 0;
    p = skip(member(p, "\"data\""), "[");
    while (p && !skip(p, "]")) {
        uint64_t start, len, last;
        struct eg_segment *s;

        if (l->at.n)
            p = skip(p, ",");
        if (!p || !number(member(p, "\"gpa\""), &start) || !number(member(p, "\"length\""), &len) ||
            !len || !eg_add(start, len - 1, &last) || last == UINT64_MAX ||
            len > UINT64_MAX - l->bytes)
            return false;
        s = l->at.n < RANGES_MAX ? eg_vec_push(&l->at) : NULL;
        if (!s)
            return false;
        *s = (struct eg_segment){ .start = start,
                                  .last = last,
                                  .below = memory,
                                  .below_addr = l->bytes,
                                  .stored = EG_MIN(len, size - EG_MIN(size, l->bytes)),
                                  .tail = EG_UNREADABLE };
        l->bytes += len;
        p = skip_value(p);
    }
    return p && l->at.n;
}

/** Find the list of ranges in the state. The members of its objects may be in any order. */
static bool find_list(struct list *l, const char *text, struct eg_space *memory)
{
    static const char name[] = "\"memory_ranges\"";
    const char *p = text;

    for (int i = 0; i < LISTS_MAX && p && (p = strstr(p, name)); i++, p++)
        if (read_list(l, skip(skip(p, name), ":"), memory))
            return true;
    return false;
}

/* ---- the files ---- */

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    const bool by_state = is_named(img->path, state_name);
    struct eg_space *memory = file, *state = file;
    const struct eg_image_range all = { 0, 0, eg_space_size(file) };
    struct list l = { 0 };
    size_t overlaps = 0;
    bool known;
    char *text;
    int rc = 0;

    (void)o;
    if (by_state && eg_image_beside(&memory, img, memory_name, NULL) != 0)
        return eg_fail(e, EG_ENOTFOUND,
                       "%s: Cloud Hypervisor: no %s is beside it, which holds the memory",
                       img->path, memory_name);
    if (!by_state && eg_image_beside(&state, img, state_name, NULL) != 0)
        state = NULL;
    text = state ? read_text(img, state) : NULL;
    known = find_list(&l, text, memory);
    free(text);
    if (!known && by_state) {
        rc = eg_fail(e, EG_EFORMAT,
                     "%s: Cloud Hypervisor: does not list ranges of memory, or is damaged: open %s",
                     img->path, memory_name);
    } else if (!known) {
        eg_image_note(
            img,
            "Cloud Hypervisor: %s beside it %s: the memory is taken to lie at its place in "
            "the file, unless a kernel proves another",
            state_name, state ? "does not list its ranges" : "is missing");
        img->movable = true;
        rc = eg_image_ranges_open(out, img->path, file, &all, 1, e);
    } else {
        const uint64_t size = eg_space_size(memory);

        rc = eg_segments_open(out, img->path, l.at.at, l.at.n, &overlaps, e);
        if (!rc && overlaps)
            eg_image_note(img, "Cloud Hypervisor: %zu ranges overlap: the first is used", overlaps);
        if (!rc && l.bytes > size)
            eg_image_note(img,
                          "Cloud Hypervisor: truncated: %" PRIu64 " MiB of the memory are missing",
                          (l.bytes - size) >> 20);
        if (!rc && l.bytes < size)
            eg_image_note(img,
                          "Cloud Hypervisor: the last %" PRIu64
                          " bytes of the memory are in no range: left out",
                          size - l.bytes);
    }
    eg_vec_fini(&l.at);
    return rc;
}

EG_FORMAT(cloudhv) = {
    .desc = "Cloud Hypervisor snapshot",
    .head = 1,
    .folder = memory_name,
    .probe = probe,
    .open = open_,
};
