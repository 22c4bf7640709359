/* line.c - lines by libedit on a terminal, by getline elsewhere. */
#include "line.h"
#include "../core/parallel.h"
#include "config.h"
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef HAVE_LIBEDIT
#include <histedit.h>
#endif

static const char prompt[] = "engram> ", prompt_more[] = "     >> ";

struct cli_lines {
    struct eg_shell *completer;
    const char *history_file;
    bool typed, more;
    char *plain;
    size_t plain_size;
#ifdef HAVE_LIBEDIT
    EditLine *el; /* NULL: no editing */
    History *history;
#endif
};

/* Until there is something to read. A Ctrl-C between the look at eg_cancelled and the wait would be
 * slept over: it is let in by the wait alone. @return false: there was one. */
static bool wait_for_input(void)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    sigset_t interrupt, before;
    int n = -1;

    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupt, &before);
    while (!eg_cancelled && n < 0 && (n = ppoll(&input, 1, NULL, &before)) < 0 && errno == EINTR)
        continue;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return !eg_cancelled;
}

/* ---- libedit ---- */

#ifdef HAVE_LIBEDIT
enum { LISTED_MAX = 100, RECALLED = 1000, WIDTH = 80 };

static struct cli_lines *lines_of(EditLine *el)
{
    struct cli_lines *l = NULL;

    el_get(el, EL_CLIENTDATA, &l);
    return l;
}

static char *ask(EditLine *el)
{
    return (char *)(uintptr_t)(lines_of(el)->more ? prompt_more : prompt);
}

/* One character; Ctrl-C ends the wait, which libedit's own reader does not let it. */
static int get_char(EditLine *el, wchar_t *out)
{
    mbstate_t state = { 0 };
    char byte;

    (void)el;
    fflush(stdout);
    while (wait_for_input()) {
        ssize_t n = read(STDIN_FILENO, &byte, 1);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n;
        switch (mbrtowc(out, &byte, 1, &state)) {
        case (size_t)-2: // more of it comes
            continue;
        case (size_t)-1: // no character: left out
            state = (mbstate_t){ 0 };
            continue;
        default:
            return 1;
        }
    }
    return -1;
}

/* In columns, below the line. */
static void list(const struct eg_shell_words *w)
{
    const size_t n = EG_MIN(w->at.n, (size_t)LISTED_MAX);
    size_t width = 0, columns, rows;

    for (size_t i = 0; i < n; i++)
        width = EG_MAX(width, strlen(w->at.at[i]) + 2);
    columns = EG_MAX(WIDTH / EG_MAX(width, (size_t)1), (size_t)1);
    rows = (n + columns - 1) / columns;
    putchar('\n');
    for (size_t row = 0; row < rows; row++)
        for (size_t i = row; i < n; i += rows)
            printf("%-*s%s", i + rows < n ? (int)width : 0, w->at.at[i], i + rows < n ? "" : "\n");
    if (w->at.n > n)
        printf("… and %zu more\n", w->at.n - n);
}

static size_t common(const char *a, const char *b)
{
    size_t n = 0;

    while (a[n] && a[n] == b[n])
        n++;
    return n;
}

/* Tab: what all candidates have in common; where that is nothing more, the list. */
static unsigned char complete(EditLine *el, int ch)
{
    const LineInfo *line = el_line(el);
    const size_t len = (size_t)(line->cursor - line->buffer);
    char *text = strndup(line->buffer, len), *more = NULL;
    struct eg_shell_words w = { 0 };
    unsigned char answer = CC_ERROR;
    size_t n = 0;

    (void)ch;
    if (!text)
        return CC_ERROR;
    eg_shell_complete(lines_of(el)->completer, text, &w);
    if (w.at.n) // sorted: the first and the last differ most
        n = common(w.at.at[0], w.at.at[w.at.n - 1]);
    if (n > len - w.from && (more = strndup(w.at.at[0] + (len - w.from), n - (len - w.from)))) {
        answer = el_insertstr(el, more) ? CC_ERROR : CC_REFRESH;
    } else if (w.at.n > 1) {
        list(&w);
        answer = CC_REDISPLAY;
    }
    free(more);
    free(text);
    eg_shell_words_fini(&w);
    return answer;
}

static void open_editor(struct cli_lines *l)
{
    HistEvent event;

    setlocale(LC_CTYPE, ""); // of what is typed
    l->history = history_init();
    l->el = el_init("engram", stdin, stdout, stderr);
    if (!l->history || !l->el)
        return;
    history(l->history, &event, H_SETSIZE, RECALLED);
    history(l->history, &event, H_SETUNIQUE, 1);
    if (l->history_file)
        history(l->history, &event, H_LOAD, l->history_file);
    el_set(l->el, EL_CLIENTDATA, l);
    el_set(l->el, EL_PROMPT, ask);
    el_set(l->el, EL_SIGNAL, 0);
    el_set(l->el, EL_HIST, history, l->history);
    el_set(l->el, EL_EDITOR, "emacs");
    el_set(l->el, EL_GETCFN, get_char);
    if (l->completer) {
        // Of wide texts the pointers are kept; others are copied, and never given back.
        el_wset(l->el, EL_ADDFN, L"complete", L"complete the word", complete);
        el_set(l->el, EL_BIND, "^I", "complete", NULL);
    }
}

static enum cli_line_end edited(struct cli_lines *l, const char **text, size_t *len)
{
    HistEvent event;
    int n = 0;

    el_set(l->el, EL_PREP_TERM, 1); // before the prompt: what is typed at once is not shown twice
    *text = el_gets(l->el, &n);
    if (eg_cancelled) {
        el_reset(l->el);
        return CLI_LINE_STOPPED;
    }
    if (!*text || n <= 0)
        return CLI_LINE_END;
    *len = (size_t)n;
    if (strspn(*text, " \t\n") < *len)
        history(l->history, &event, H_ENTER, *text);
    return CLI_LINE;
}
#endif

/* ---- plain ---- */

static enum cli_line_end plain(struct cli_lines *l, const char **text, size_t *len)
{
    ssize_t n;

    if (l->typed) {
        fputs(l->more ? prompt_more : prompt, stdout);
        fflush(stdout);
        if (!wait_for_input())
            return CLI_LINE_STOPPED;
    }
    n = getline(&l->plain, &l->plain_size, stdin);
    if (n < 0)
        return CLI_LINE_END;
    *text = l->plain;
    *len = (size_t)n;
    return CLI_LINE;
}

/* ---- either ---- */

struct cli_lines *cli_lines_open(struct eg_shell *completer, const char *history)
{
    struct cli_lines *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->completer = completer;
    l->history_file = history;
    l->typed = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
#ifdef HAVE_LIBEDIT
    if (l->typed)
        open_editor(l);
#endif
    return l;
}

bool cli_lines_close(struct cli_lines *l)
{
    bool ok = true;

    if (!l)
        return true;
#ifdef HAVE_LIBEDIT
    HistEvent event;

    if (l->history && l->history_file)
        ok = history(l->history, &event, H_SAVE, l->history_file) >= 0;
    if (l->el)
        el_end(l->el);
    if (l->history)
        history_end(l->history);
#endif
    free(l->plain);
    free(l);
    return ok;
}

bool cli_lines_are_typed(const struct cli_lines *l)
{
    return l->typed;
}

enum cli_line_end cli_line_read(struct cli_lines *l, bool more, const char **text, size_t *len)
{
    l->more = more;
#ifdef HAVE_LIBEDIT
    if (l->el && l->history)
        return edited(l, text, len);
#endif
    return plain(l, text, len);
}
