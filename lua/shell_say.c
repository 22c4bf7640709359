/* shell_say.c - output of the shell through eg_shell_ops. */
#include "shell_own.h"
#include <stdarg.h>

struct eg_shell *shell_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

void shell_say(struct eg_shell *s, const char *format, ...)
{
    char text[1024];
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (n > 0)
        s->ops->print(s->context, text, EG_MIN((size_t)n, sizeof text - 1));
}
