/* image_note.c - what is wrong with a file, for its reader. */
#include "image.h"

enum { NOTES_MAX = 1000 };

void eg_image_note(struct eg_image *img, const char *format, ...)
{
    va_list ap;
    char *text, **slot;

    if (img->notes.n > NOTES_MAX)
        return;
    va_start(ap, format);
    text = img->notes.n == NOTES_MAX
               ? eg_arena_strf(&img->arena,
                               "there are more problems with the file than are listed here")
               : eg_arena_vstrf(&img->arena, format, ap);
    va_end(ap);
    slot = text ? eg_vec_push(&img->notes) : NULL;
    if (slot)
        *slot = text;
}
