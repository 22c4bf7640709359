/* yara_rules.c - rules read, compiled and numbered. */
#include "yara_rules.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEPTH_MAX = 32, PATHS_MAX = 1 << 20, TRIAL_SECONDS = 60 };

const char *yara_error_text(int error)
{
    switch (error) {
    case ERROR_INSUFFICIENT_MEMORY:
        return "out of memory";
    case ERROR_COULD_NOT_OPEN_FILE:
        return "it cannot be opened";
    case ERROR_INVALID_FILE:
    case ERROR_CORRUPT_FILE:
        return "no compiled rules, or damaged ones";
    case ERROR_UNSUPPORTED_FILE_VERSION:
        return "compiled by another version of YARA";
    case ERROR_INVALID_ARGUMENT:
        return "the rules know no such variable";
    case ERROR_INVALID_EXTERNAL_VARIABLE_TYPE:
        return "a value of another type";
    case ERROR_TOO_MANY_RE_FIBERS:
        return "a regular expression with too many branches";
    case ERROR_TOO_MANY_MATCHES:
        return "too many matches";
    case ERROR_SCAN_TIMEOUT:
        return "it took too long";
    }
    return "an error of libyara";
}

static int failed(struct eg_run *r, const char *what, int error)
{
    return eg_run_fail(r, error == ERROR_INSUFFICIENT_MEMORY ? EG_ENOMEM : EG_EUSAGE,
                       "%s: %s (YARA's error %d)", what, yara_error_text(error), error);
}

/* ---- files ---- */

static bool add_path(struct yara_rules *y, const char *path)
{
    char **new = y->paths.n < PATHS_MAX ? eg_vec_push(&y->paths) : NULL;

    if (!new || !(*new = strdup(path))) {
        eg_run_fail(y->run, EG_ENOMEM, "--rules %s: too many files", path);
        return false;
    }
    return true;
}

static bool is_source(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot && (!strcasecmp(dot, ".yar") || !strcasecmp(dot, ".yara"));
}

static bool add_folder(struct yara_rules *y, const char *path, int depth)
{
    DIR *dir = opendir(path);
    const struct dirent *e;
    bool ok = true;

    if (!dir) {
        eg_run_fail(y->run, EG_EIO, "--rules %s: %s", path, strerror(errno));
        return false;
    }
    while (ok && (e = readdir(dir))) {
        char name[4096];
        struct stat st;

        if (*e->d_name == '.' ||
            (size_t)snprintf(name, sizeof name, "%s/%s", path, e->d_name) >= sizeof name ||
            lstat(name, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode))
            ok = depth == DEPTH_MAX || add_folder(y, name, depth + 1);
        else if (is_source(e->d_name))
            ok = add_path(y, name);
    }
    closedir(dir);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool find_files(struct yara_rules *y, const char *path)
{
    const size_t n = y->paths.n;
    struct stat st;

    if (stat(path, &st) < 0) {
        eg_run_fail(y->run, EG_EIO, "--rules %s: %s", path, strerror(errno));
        return false;
    }
    if (!S_ISDIR(st.st_mode))
        return add_path(y, path);
    if (!add_folder(y, path, 0))
        return false;
    if (y->paths.n == n) {
        eg_run_fail(y->run, EG_EUSAGE, "--rules %s: no file *.yar or *.yara in this folder", path);
        return false;
    }
    qsort(y->paths.at + n, y->paths.n - n, sizeof *y->paths.at, by_name);
    return true;
}

/* ---- variables ---- */

/** One --define, for the compiler or, where there is none, for compiled rules. */
static int define(YR_COMPILER *c, YR_RULES *rules, const char *name, const char *value)
{
    char *end;
    const long long number = strtoll(value, &end, 0);
    const bool truth = !strcmp(value, "true");

    if (end != value && !*end)
        return c ? yr_compiler_define_integer_variable(c, name, number)
                 : yr_rules_define_integer_variable(rules, name, number);
    if (truth || !strcmp(value, "false"))
        return c ? yr_compiler_define_boolean_variable(c, name, truth)
                 : yr_rules_define_boolean_variable(rules, name, truth);
    return c ? yr_compiler_define_string_variable(c, name, value)
             : yr_rules_define_string_variable(rules, name, value);
}

static int define_all(struct eg_run *r, YR_COMPILER *c, YR_RULES *rules)
{
    for (size_t i = 0; i < r->options->n_args; i++) {
        const struct eg_given_arg *a = &r->options->args[i];
        const char *equals = strcmp(a->name, "define") == 0 ? strchr(a->value, '=') : NULL;
        int rc;

        if (strcmp(a->name, "define") != 0)
            continue;
        if (!equals || equals == a->value)
            return eg_run_fail(r, EG_EUSAGE, "--define '%s': it is NAME=VALUE", a->value);
        rc = define(c, rules, eg_strf(r, "%.*s", (int)(equals - a->value), a->value), equals + 1);
        if (rc != ERROR_SUCCESS)
            return failed(r, eg_strf(r, "--define %s", a->value), rc);
    }
    return 0;
}

/* ---- compiling ---- */

/** May be called in the middle of the library's parser: nothing here leaves the run. */
static void said(int level, const char *file, int line, const YR_RULE *rule, const char *message,
                 void *context)
{
    struct yara_rules *y = context;
    char text[256];

    (void)rule;
    snprintf(text, sizeof text, "%s:%d: %s", file ? file : "rules", line, message);
    if (level == YARA_ERROR_LEVEL_ERROR) {
        if (!y->n_errors++)
            snprintf(y->error, sizeof y->error, "%s", text);
    } else {
        y->n_warnings++;
        if (y->n_warnings <= countof(y->warnings))
            snprintf(y->warnings[y->n_warnings - 1], sizeof *y->warnings, "%s", text);
    }
}

static bool is_compiled(const char *path)
{
    char magic[4] = "";
    FILE *f = fopen(path, "rb");
    const bool is = f && fread(magic, 1, 4, f) == 4 && !memcmp(magic, "YARA", 4);

    if (f)
        fclose(f);
    return is;
}

static int add_set(struct yara_rules *y, YR_RULES *rules)
{
    struct yara_set *new = eg_vec_push(&y->sets);

    if (!new) {
        yr_rules_destroy(rules);
        return eg_run_fail(y->run, EG_ENOMEM, "%s", "out of memory for rules");
    }
    *new = (struct yara_set){ rules, y->n_strings, y->n_rules };
    y->n_strings += rules->num_strings;
    y->n_rules += rules->num_rules;
    return 0;
}

static int load(struct yara_rules *y, const char *path)
{
    YR_RULES *rules;
    int rc = yr_rules_load(path, &rules);

    if (rc != ERROR_SUCCESS)
        return failed(y->run, path, rc);
    rc = add_set(y, rules);
    return rc ? rc : define_all(y->run, NULL, rules);
}

static int compiler_open(struct yara_rules *y)
{
    const int rc = yr_compiler_create(&y->compiler);

    if (rc != ERROR_SUCCESS)
        return failed(y->run, "--rules", rc);
    yr_compiler_set_callback(y->compiler, said, y);
    return define_all(y->run, y->compiler, NULL);
}

static int compile(struct yara_rules *y, const char *path)
{
    FILE *f;
    int rc;

    f = fopen(path, "rb");
    if (!f)
        return eg_run_fail(y->run, EG_EIO, "%s: %s", path, strerror(errno));
    rc = yr_compiler_add_file(y->compiler, f, path, path);
    fclose(f);
    // After an error the compiler is of no more use.
    if (y->n_errors > 1)
        return eg_run_fail(y->run, EG_EUSAGE, "%s (and %u more errors)", y->error, y->n_errors - 1);
    return rc ? eg_run_fail(y->run, EG_EUSAGE, "%s", *y->error ? y->error : path) : 0;
}

/* ---- a trial ---- */

/** The child: its copy of the compiler takes one file. The first error goes to @out. Nothing here
 * may leave the run, which is the parent's. */
_Noreturn static void try_file(struct yara_rules *y, const char *path, bool compiled, int out)
{
    static const int fatal[] = { SIGALRM, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV };
    const int null = open("/dev/null", O_WRONLY);
    YR_RULES *rules;
    FILE *f;

    dup2(null, STDERR_FILENO); // libyara's last words
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    for (size_t i = 0; i < countof(fatal); i++)
        signal(fatal[i],
               SIG_DFL); // the parent's handlers and a sanitizer's must not hide the signal
    alarm(TRIAL_SECONDS);
    *y->error = '\0';
    f = compiled ? NULL : fopen(path, "rb");
    if (compiled)
        yr_rules_load(path, &rules);
    else if (f)
        yr_compiler_add_file(y->compiler, f, path, path);
    _exit(write(out, y->error, strlen(y->error)) < 0);
}

static int leave_out(struct yara_rules *y, const char *text)
{
    eg_note(y->run, "left out: %s", text);
    if (!*y->error)
        snprintf(y->error, sizeof y->error, "%s", text);
    return 1;
}

/** A file that needs a variable which nobody defined, or that libyara does not survive, must not
 * stop the others. After an error a compiler is of no more use, so a child process tries the file
 * first.
 * @return 1: left out, with a note; below 0: the run's failure. */
static int trial(struct yara_rules *y, const char *path, bool compiled)
{
    char error[sizeof y->error] = "", text[sizeof y->error];
    int ends[2], status = 0;
    const char *quote;
    size_t n = 0;
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return eg_run_fail(y->run, EG_EIO, "%s: %s", path, strerror(errno));
    child = fork();
    if (child == 0)
        try_file(y, path, compiled, ends[1]);
    close(ends[1]);
    for (ssize_t got = child > 0; got > 0; n += (size_t)EG_MAX(got, 0))
        got = TEMP_FAILURE_RETRY(read(ends[0], error + n, sizeof error - 1 - n));
    close(ends[0]);
    if (child < 0 || TEMP_FAILURE_RETRY(waitpid(child, &status, 0)) < 0)
        return eg_run_fail(y->run, EG_EIO, "%s: %s", path, strerror(errno));
    if (WIFSIGNALED(status)) {
        if (WTERMSIG(status) == SIGALRM)
            snprintf(text, sizeof text, "%.150s: not compiled after %d s", path, TRIAL_SECONDS);
        else
            snprintf(text, sizeof text, "%.150s: it ends libyara: %s", path,
                     strsignal(WTERMSIG(status)));
        return leave_out(y, text);
    }
    quote = strstr(error, "undefined identifier \"");
    if (!quote)
        return 0;
    quote += strlen("undefined identifier \"");
    snprintf(text, sizeof text, "%.150s: define it with --define %.*s=VALUE", error,
             (int)EG_MIN(strcspn(quote, "\""), (size_t)64), quote);
    return leave_out(y, text);
}

static int number(struct yara_rules *y)
{
    y->strings = eg_tmp(y->run, (y->n_strings + 1) * sizeof *y->strings);
    y->rules = eg_tmp(y->run, (y->n_rules + 1) * sizeof *y->rules);
    for (size_t i = 0; i < y->sets.n; i++) {
        const struct yara_set *set = &y->sets.at[i];
        const YR_RULE *rule;
        uint32_t n = set->first_rule;

        yr_rules_foreach(set->rules, rule)
        {
            const YR_STRING *s;

            yr_rule_strings_foreach(rule, s)
            {
                y->strings[set->first_string + s->idx] = (struct yara_string){ s, n };
            }
            y->rules[n++] = rule;
        }
    }
    if (!y->n_rules)
        return eg_run_fail(y->run, EG_EUSAGE, "%s",
                           *y->error ? y->error : "--rules: no rule in them");
    return 0;
}

int yara_rules_open(struct eg_run *r, struct yara_rules *y)
{
    YR_RULES *rules;
    int rc;

    y->run = r;
    for (size_t i = 0; i < r->options->n_args; i++)
        if (!strcmp(r->options->args[i].name, "rules") && !find_files(y, r->options->args[i].value))
            return r->status;
    if (!y->paths.n)
        return eg_run_fail(r, EG_EUSAGE, "--rules FILE or FOLDER says what to look for");
    rc = yr_initialize();
    if (rc != ERROR_SUCCESS)
        return failed(r, "libyara", rc);
    y->begun = true;
    for (size_t i = 0; i < y->paths.n; i++) {
        const char *path = y->paths.at[i];
        const bool compiled = is_compiled(path);

        if (!compiled && !y->compiler && compiler_open(y) < 0)
            return r->status;
        rc = trial(y, path, compiled);
        if (rc == 0)
            rc = compiled ? load(y, path) : compile(y, path);
        if (rc < 0)
            return rc;
    }
    if (y->compiler) {
        rc = yr_compiler_get_rules(y->compiler, &rules);
        if (rc != ERROR_SUCCESS)
            return failed(r, "--rules", rc);
        rc = add_set(y, rules);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < y->n_warnings && i < countof(y->warnings); i++)
        eg_note(r, "%s", y->warnings[i]);
    if (y->n_warnings > countof(y->warnings))
        eg_note(r, "%zu more warnings of these rules", y->n_warnings - countof(y->warnings));
    return number(y);
}

void yara_rules_close(struct yara_rules *y)
{
    if (y->compiler)
        yr_compiler_destroy(y->compiler);
    for (size_t i = 0; i < y->sets.n; i++)
        yr_rules_destroy(y->sets.at[i].rules);
    if (y->begun)
        yr_finalize();
    for (size_t i = 0; i < y->paths.n; i++)
        free(y->paths.at[i]);
    eg_vec_fini(&y->sets);
    eg_vec_fini(&y->paths);
}
