/* logins - who logged in and out, and who became another user: utmp, wtmp, btmp, lastlog, lines of
 * the authentication log and of systemd's journal, from the page cache. */
#include "../../core/base.h"
#include "../linux/fs/dentry.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/inodes.h"
#include "../linux/kernel/time.h"
#include "../linux/mm/filemap.h"
#include "../linux/user/authlog.h"
#include "../linux/user/journal.h"
#include "../linux/user/utmp.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the inode of the file is", EG_MINOR)                                    \
    C(LOG, TEXT, "the kind of file: utmp, wtmp, btmp, lastlog, log, journal")                      \
    C(TYPE, TEXT, "what a record is, as utmp(5) has it; of a line the program that wrote it")      \
    C(TIME, TIME, "when it happened")                                                              \
    C(USER, TEXT, "who")                                                                           \
    C(UID, INT, "the user's number: of lastlog, and of the journal the sender's", EG_MINOR)        \
    C(TTY, TEXT, "the terminal")                                                                   \
    C(HOST, TEXT, "from where, as it was written down")                                            \
    C(IP, TEXT, "from which address", EG_MINOR)                                                    \
    C(LOGIN_PID, INT, "the process that the record is about, or that wrote the line")              \
    C(TEXT, TEXT, "the line", EG_LIST)                                                             \
    C(PATH, TEXT, "the file")                                                                      \
    C(FILE_OFFSET, INT, "where in the file", EG_MINOR)
EG_COLUMNS(COLUMNS);

enum {
    RECORDS_MAX = 1 << 20,
    LINE_MAX_ = 8192,
    FIELD_MAX = 8192,
    FILES_MAX = 4096,
    NAME_LEN = 128,
    CHUNK = 1 << 16,
};

enum kind { NONE, UTMP, WTMP, BTMP, LASTLOG, LINES, JOURNAL };
static const char *const kinds[] = { "", "utmp", "wtmp", "btmp", "lastlog", "log", "journal" };

struct source {
    struct eg_run *r;
    struct eg_obj inode;
    struct eg_space *file;
    const char *path;
    enum kind kind;
    uint64_t size;
    int64_t now; /**< ns: lines of a log have no year */
};

/* By name, also of files that were put aside: wtmp.1, auth.log.1. */
static enum kind kind_of(const char *name)
{
    static const struct {
        const char *name;
        enum kind kind;
    } names[] = { { "utmp", UTMP },       { "wtmp", WTMP },      { "btmp", BTMP },
                  { "lastlog", LASTLOG }, { "auth.log", LINES }, { "secure", LINES },
                  { "sudo.log", LINES },  { "authlog", LINES } };
    const size_t len = strlen(name);

    for (size_t i = 0; i < countof(names); i++) {
        const size_t n = strlen(names[i].name);

        if (!strncmp(name, names[i].name, n) &&
            (!name[n] || ((name[n] == '.' || name[n] == '-') && name[n + 1] >= '0' &&
                          name[n + 1] <= '9' && !strstr(name + n, ".gz"))))
            return names[i].kind;
    }
    if (len > 8 &&
        (!strcmp(name + len - 8, ".journal") || (len > 9 && !strcmp(name + len - 9, ".journal~"))))
        return JOURNAL;
    return NONE;
}

static struct eg_cell text_cell(const char *s)
{
    return *s ? eg_text(s) : (struct eg_cell){ 0 };
}

static struct eg_cell when(int64_t sec, int64_t usec)
{
    int64_t ns;

    if (!sec || __builtin_mul_overflow(sec, 1000000000, &ns) ||
        __builtin_add_overflow(ns, usec * 1000, &ns))
        return (struct eg_cell){ 0 };
    return eg_int(ns);
}

/* ---- records of one size ---- */

typedef bool record_fn(struct source *s, uint64_t index, const uint8_t *p, size_t size, bool show);

/* Each record all of whose bytes are cached. @return how many could be one. */
static uint64_t records(struct source *s, size_t size, record_fn *fn, bool show, uint64_t *read)
{
    const uint64_t n = s->size / size;
    uint64_t next = 0, good = 0, from = 0;
    uint8_t bytes[LINUX_UTMP_MAX];
    struct eg_extent x;

    *read = 0;
    while (n && from < s->size && !eg_stopped(s->r) &&
           eg_next_mapped(eg_view_of(s->r), s->file, from, s->size - 1, &x)) {
        const uint64_t first = EG_MAX(EG_MAX(x.start, from) / size, next);
        const uint64_t last = EG_MIN(x.last / size, n - 1);

        for (uint64_t i = first; i <= last && i < n && *read < RECORDS_MAX; i++) {
            if (!eg_read(eg_view_of(s->r), s->file, i * size, bytes, size))
                continue;
            ++*read;
            good += fn(s, i, bytes, size, show);
            next = i + 1;
        }
        if (x.last >= s->size - 1)
            break;
        from = x.last + 1;
    }
    return good;
}

static void choose(struct source *s, size_t small, size_t large, record_fn *fn)
{
    uint64_t a, b, read = 0;
    size_t size = small;

    // The size that makes sense of more of the file; a file of one size only is that.
    a = records(s, small, fn, false, &read);
    b = records(s, large, fn, false, &read);
    if (b > a || (b == a && s->size % small && !(s->size % large)))
        size = large;
    records(s, size, fn, true, &read);
    if (read < s->size / size)
        eg_note(s->r,
                "%s: %" PRIu64 " of %" PRIu64 " records are cached; what is missing may be on disk",
                s->path, read, s->size / size);
    if (read == RECORDS_MAX)
        eg_note(s->r, "%s: only the first %d records are shown", s->path, RECORDS_MAX);
}

static bool utmp(struct source *s, uint64_t i, const uint8_t *p, size_t size, bool show)
{
    static const uint8_t none[12];
    struct linux_utmp u;
    char ip[INET6_ADDRSTRLEN] = "";
    bool used = false;

    for (size_t k = 0; k < size && !used; k++)
        used = p[k];
    if (!linux_utmp_decode(p, size, eg_binding_of(s->r)->model.big_endian, &u)) {
        if (show && used)
            eg_note(s->r, "%s: what is at %" PRIu64 " is no record", s->path, i * size);
        return false;
    }
    if (!show || !used)
        return used;
    if (memcmp(u.addr + 4, none, sizeof none) != 0)
        inet_ntop(AF_INET6, u.addr, ip, sizeof ip);
    else if (memcmp(u.addr, none, 4) != 0)
        inet_ntop(AF_INET, u.addr, ip, sizeof ip);
    eg_row(s->r, .OFFSET = eg_addr(s->inode), .LOG = eg_text(kinds[s->kind]),
           .TYPE = eg_text(linux_utmp_type(u.type)), .TIME = when(u.sec, u.usec),
           .USER = text_cell(u.user), .TTY = text_cell(u.line), .HOST = text_cell(u.host),
           .IP = text_cell(ip), .LOGIN_PID = eg_int(u.pid), .PATH = eg_text(s->path),
           .FILE_OFFSET = eg_uint(i * size));
    return true;
}

/* The record's number is the user's. */
static bool lastlog(struct source *s, uint64_t i, const uint8_t *p, size_t size, bool show)
{
    struct linux_lastlog u;

    if (!linux_lastlog_decode(p, size, eg_binding_of(s->r)->model.big_endian, &u))
        return false;
    if (!u.sec)
        return false; // never
    if (show)
        eg_row(s->r, .OFFSET = eg_addr(s->inode), .LOG = eg_text("lastlog"),
               .TYPE = eg_text("last login"), .TIME = when(u.sec, 0), .UID = eg_uint(i),
               .TTY = text_cell(u.line), .HOST = text_cell(u.host), .PATH = eg_text(s->path),
               .FILE_OFFSET = eg_uint(i * size));
    return u.line[0] || u.host[0];
}

/* ---- lines ---- */

static void log_line(struct source *s, const char *line, size_t len, uint64_t at)
{
    struct linux_auth_line a;

    if (!linux_auth_line(line, len, s->now, &a))
        return;
    eg_row(s->r, .OFFSET = eg_addr(s->inode), .LOG = eg_text("log"), .TYPE = eg_text(a.program),
           .TIME = a.has_time ? eg_int(a.time) : (struct eg_cell){ 0 }, .USER = eg_text(a.user),
           .TTY = eg_text(a.tty), .HOST = eg_text(a.from),
           .LOGIN_PID = a.pid ? eg_int(a.pid) : (struct eg_cell){ 0 },
           .TEXT = eg_textn(a.text, a.len), .PATH = eg_text(s->path), .FILE_OFFSET = eg_uint(at));
}

/* Lines of what is cached. The first and last of a piece may be cut: they are left out unless the
 * file begins or ends there. */
static void lines(struct source *s)
{
    char *buffer = eg_tmp(s->r, CHUNK + LINE_MAX_);
    uint64_t from = 0, cached = 0, n = 0, end = 0, at = 0;
    size_t have = 0;
    bool whole = true; // does the line in the buffer begin where it should?
    struct eg_extent x;

    while (from < s->size && !eg_stopped(s->r) &&
           eg_next_mapped(eg_view_of(s->r), s->file, from, s->size - 1, &x)) {
        uint64_t start = EG_MAX(x.start, from), last = EG_MIN(x.last, s->size - 1);

        if (start != end) {
            have = 0;
            whole = start == 0;
        }
        for (end = start; end <= last && n < RECORDS_MAX;) {
            const size_t some = (size_t)EG_MIN(last - end + 1, (uint64_t)CHUNK);
            size_t begin = 0;

            if (!eg_read(eg_view_of(s->r), s->file, end, buffer + have, some))
                break;
            at = end - have;
            end += some;
            cached += some;
            have += some;
            for (char *nl; (nl = memchr(buffer + begin, '\n', have - begin));) {
                const size_t len = (size_t)(nl - (buffer + begin));

                if (whole && len && len < LINE_MAX_ && n++ < RECORDS_MAX)
                    log_line(s, buffer + begin, len, at + begin);
                whole = true;
                begin += len + 1;
            }
            have -= begin;
            memmove(buffer, buffer + begin, have);
            if (have >= LINE_MAX_) { // no line of a log
                have = 0;
                whole = false;
            }
        }
        if (end <= last) { // the rest could not be read: what comes next does not go on with this
            end = last + 1;
            have = 0;
            whole = false;
        }
        from = last + 1;
    }
    if (have && whole && end == s->size)
        log_line(s, buffer, have, s->size - have);
    if (cached < s->size)
        eg_note(s->r,
                "%s: %" PRIu64 " of %" PRIu64 " bytes are cached; lines that are cut are left "
                "out",
                s->path, cached, s->size);
    if (n >= RECORDS_MAX)
        eg_note(s->r, "%s: only the first %d lines are shown", s->path, RECORDS_MAX);
}

/* ---- the journal ---- */

/** Of one entry: the next one's is in its place, for anyone may write many. */
struct message {
    uint8_t field[FIELD_MAX];
    char text[FIELD_MAX], program[FIELD_MAX]; /**< ending in 0 */
    bool has_text, has_program;
    size_t len;
    uint64_t pid, uid;
    bool has_pid, has_uid, absent, no_codec, damaged;
};

static bool is(const uint8_t *field, size_t len, const char *name)
{
    const size_t n = strlen(name);

    return len > n && !memcmp(field, name, n) && field[n] == '=';
}

/* What stands behind the "="; @out has room for FIELD_MAX bytes. @return its length. */
static size_t value_of(char *out, const uint8_t *field, size_t len)
{
    const uint8_t *eq = memchr(field, '=', len);
    const size_t n = len - (size_t)(eq + 1 - field);

    memcpy(out, eq + 1, n);
    out[n] = 0;
    return n;
}

static uint64_t number_of(const uint8_t *field, size_t len)
{
    char text[FIELD_MAX];

    value_of(text, field, len);
    return strtoull(text, NULL, 10);
}

static void message(struct linux_journal *j, const struct linux_journal_entry *e, struct message *m)
{
    const uint8_t *field = m->field;

    m->has_text = m->has_program = m->has_pid = m->has_uid = false;
    m->absent = m->no_codec = m->damaged = false;
    for (uint64_t i = 0; i < e->items; i++) {
        size_t len;

        switch (linux_journal_field(j, e, i, m->field, FIELD_MAX, &len)) {
        case LINUX_JOURNAL_FIELD:
            break;
        case LINUX_JOURNAL_ABSENT:
            m->absent = true;
            continue;
        case LINUX_JOURNAL_NO_CODEC:
            m->no_codec = true;
            continue;
        default:
            m->damaged = true;
            continue;
        }
        if (is(field, len, "MESSAGE")) {
            m->has_text = true;
            m->len = value_of(m->text, field, len);
        } else if (is(field, len, "SYSLOG_IDENTIFIER") ||
                   (!m->has_program && is(field, len, "_COMM"))) {
            m->has_program = true;
            value_of(m->program, field, len);
        } else if (is(field, len, "_PID") || (!m->has_pid && is(field, len, "SYSLOG_PID"))) {
            m->has_pid = true;
            m->pid = number_of(field, len);
        } else if (is(field, len, "_UID")) {
            m->has_uid = true;
            m->uid = number_of(field, len);
        }
    }
}

static void journal(struct source *s)
{
    const bool all = eg_arg_flag(s->r, "journal");
    uint64_t from = 0, found = 0, cut = 0, packed = 0, cached = 0;
    struct message *m = eg_tmp(s->r, sizeof *m);
    struct linux_journal_entry e;
    struct linux_journal j;
    struct eg_extent x;

    if (!linux_journal_open(&j, eg_view_of(s->r), s->file, s->size))
        return;
    while (from < s->size && !eg_stopped(s->r) && found < RECORDS_MAX &&
           eg_next_mapped(eg_view_of(s->r), s->file, from, s->size - 1, &x)) {
        uint64_t at = eg_align_up(EG_MAX(EG_MAX(x.start, from), j.header), 8);

        cached += EG_MIN(x.last, s->size - 1) - EG_MAX(x.start, from) + 1;
        for (; at <= x.last && at < s->size && found < RECORDS_MAX; at += 8) {
            struct linux_auth_line a = { 0 };
            const char *program;
            const uint8_t *p = eg_bytes(eg_view_of(s->r), s->file, at, 8);

            // Most of a file is no entry: what each begins with is looked at first.
            if (!p || eg_le64(p) != LINUX_JOURNAL_ENTRY || !linux_journal_entry_at(&j, at, &e))
                continue;
            found++;
            message(&j, &e, m);
            cut += m->absent || m->damaged;
            packed += m->no_codec;
            program = m->has_program ? m->program : NULL;
            if (m->has_text)
                linux_auth_message(program, m->text, m->len, &a);
            if (!all && !a.about_login)
                continue;
            eg_row(s->r, .OFFSET = eg_addr(s->inode), .LOG = eg_text("journal"),
                   .TYPE = eg_text(program), .TIME = eg_int((int64_t)e.realtime * 1000),
                   .USER = eg_text(a.user),
                   .UID = m->has_uid ? eg_uint(m->uid) : (struct eg_cell){ 0 },
                   .TTY = eg_text(a.tty), .HOST = eg_text(a.from),
                   .LOGIN_PID = m->has_pid ? eg_uint(m->pid) : (struct eg_cell){ 0 },
                   .TEXT = m->has_text ? eg_textn(m->text, m->len)
                           : m->absent ? eg_missing(EG_NOT_CACHED, e.offset)
                                       : (struct eg_cell){ 0 },
                   .PATH = eg_text(s->path), .FILE_OFFSET = eg_uint(e.offset));
        }
        from = EG_MIN(x.last, s->size - 1) + 1;
    }
    if (cut || cached < s->size || (j.known && found < j.n_entries))
        eg_note(s->r,
                "%s: %" PRIu64 " entries%s; %" PRIu64 " of %" PRIu64
                " bytes are cached, and %" PRIu64 " entries lack fields",
                s->path, found, j.known ? eg_strf(s->r, " of %" PRIu64, j.n_entries) : "", cached,
                s->size, cut);
    if (found == RECORDS_MAX)
        eg_note(s->r, "%s: only the first %d entries were looked at", s->path, RECORDS_MAX);
    if (j.excess)
        eg_note(s->r,
                "%s: entries refer to more than the file can hold, as damage or somebody has made "
                "it: what is behind is left out",
                s->path);
    if (packed)
        eg_note(s->r,
                "%s: fields of %" PRIu64 " entries need a library that this program was "
                "built without",
                s->path, packed);
}

/* ---- the files ---- */

/* Does a name of the inode tell that it is one of those? */
static enum kind interesting(struct eg_run *r, struct eg_obj inode)
{
    struct eg_obj dentry;
    unsigned n = 0;

    eg_each_hlist(dentry, eg_at(inode, inode.i_dentry), dentry_alias) {
        char name[NAME_LEN];
        uint64_t at;
        uint32_t len;

        if (n++ == 16)
            break;
        if (!eg_get(&len, dentry, dentry_len) || len < 4 || len >= sizeof name ||
            !eg_get(&at, dentry, dentry_name) ||
            !eg_read(eg_view_of(r), eg_kernel(r), at, name, len))
            continue;
        name[len] = 0;
        if (kind_of(name))
            return kind_of(name);
    }
    return NONE;
}

static int run(struct eg_run *r)
{
    const struct linux_inodes *all = linux_inodes(r);
    enum { REGULAR = 0100000, FORMAT = 0170000 };
    int64_t now = 0, up;
    size_t n = 0;

    linux_now(r, &now, &up);
    for (size_t i = 0; all && i < all->n && n < FILES_MAX && !eg_stopped(r); i++) {
        struct source s = { .r = r, .inode = eg_object(r, inode, all->at[i].inode), .now = now };
        const char *path;
        uint16_t mode;

        if (!eg_get(&mode, s.inode, inode.i_mode) || (mode & FORMAT) != REGULAR ||
            !(s.kind = interesting(r, s.inode)))
            continue;
        linux_each_name(r, s.inode, path)
        {
            s.path = path;
            break;
        }
        if (!s.path || !linux_file_size(s.inode, &s.size) || !s.size ||
            !(s.file = linux_file_space(r, s.inode)))
            continue;
        n++;
        if (s.kind == LASTLOG)
            choose(&s, 292, LINUX_LASTLOG_MAX, lastlog);
        else if (s.kind == LINES)
            lines(&s);
        else if (s.kind == JOURNAL)
            journal(&s);
        else
            choose(&s, 384, LINUX_UTMP_MAX, utmp);
    }
    if (all && !n)
        eg_note(r, "no file of logins is in the page cache: utmp, wtmp, btmp, lastlog, auth.log, "
                   "secure, *.journal");
    return 0;
}

EG_PLUGIN(logins) = {
    .os = "linux",
    .help = "List logins and changes of user, from utmp, wtmp, btmp, lastlog, logs and the journal",
    .manual =
        "What the page cache holds of those files, wherever they lie and also where they were "
        "removed; a note says what of one is missing, and that may still be on disk. btmp has "
        "failed logins. Of auth.log and secure every line is shown, of the journal those about "
        "logins, sudo and users; --journal shows all entries. Lines without a year are of the year "
        "before the image was taken, and lines without a zone are taken as UTC. Whoever may write "
        "the files may change them: compare with timeline and pslist.",
    .aliases = EG_NAMES("last", "lastb", "lastlog", "who", "w", "utmp", "wtmp"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(journal, FLAG, "all entries of the journal")),
    .run = run,
};
