/* recover_known_sqlite.c - known files in a SQLite database, as the NSRL publishes them since 2022
 * (RDSv3): a table METADATA (full) or FILE (minimal) with columns sha256, sha1, md5. The file is
 * not trusted: views and virtual tables are not asked, since they may compute rows without end. */
#include "../../core/run.h"
#include "config.h"
#include "recover_known.h"
#include <stdlib.h>
#include <sys/stat.h>

#ifdef HAVE_SQLITE
#include <sqlite3.h>

static const char *const columns[EG_DIGESTS] = { "sha256", "sha1", "md5" };

struct base {
    sqlite3 *db;
    sqlite3_stmt *statement;
    char *table;
    uint64_t size; /**< of the file */
};

static void close_base(struct base *b)
{
    sqlite3_finalize(b->statement);
    sqlite3_close(b->db);
    sqlite3_free(b->table);
}

static bool failed(struct eg_run *r, const struct base *b, const char *path)
{
    eg_run_fail(r, EG_EFORMAT, "--known %s: %s", path,
                b->db ? sqlite3_errmsg(b->db) : "out of memory");
    return false;
}

static bool prepare(struct base *b, char *text)
{
    int rc = SQLITE_NOMEM;

    sqlite3_finalize(b->statement);
    b->statement = NULL;
    if (text)
        rc = sqlite3_prepare_v2(b->db, text, -1, &b->statement, NULL);
    sqlite3_free(text);
    return rc == SQLITE_OK;
}

/* The table with such a column. Views and virtual tables have no page of their own. */
static bool find_table(struct base *b, const char *column)
{
    sqlite3_free(b->table);
    b->table = NULL;
    if (!prepare(b, sqlite3_mprintf("SELECT m.name FROM sqlite_master AS m, "
                                    "pragma_table_info(m.name) AS c WHERE m.type = 'table' AND "
                                    "m.rootpage > 0 AND c.name = %Q COLLATE NOCASE "
                                    "ORDER BY m.name = 'METADATA' DESC, m.name = 'FILE' "
                                    "DESC, m.name LIMIT 1",
                                    column)) ||
        sqlite3_step(b->statement) != SQLITE_ROW)
        return false;
    b->table = sqlite3_mprintf("%s", sqlite3_column_text(b->statement, 0));
    return b->table;
}

/* Is there an index by which one digest is found? */
static bool is_indexed(struct base *b, const char *column)
{
    const unsigned char *plan = NULL;

    return prepare(b, sqlite3_mprintf(
                          "EXPLAIN QUERY PLAN SELECT 1 FROM \"%w\" WHERE \"%w\" IN (?1, ?2)",
                          b->table, column)) &&
           sqlite3_step(b->statement) == SQLITE_ROW &&
           (plan = sqlite3_column_text(b->statement, 3)) &&
           strstr((const char *)plan, "SEARCH") != NULL;
}

static bool ask_each(struct eg_run *r, struct known *k, struct base *b, unsigned kind)
{
    const size_t len = eg_digest_size[kind];

    if (!prepare(b, sqlite3_mprintf("SELECT 1 FROM \"%w\" WHERE \"%w\" IN (?1, ?2) LIMIT 1",
                                    b->table, columns[kind])))
        return false;
    for (size_t i = 0; i < k->files.n && !eg_stopped(r); i++) {
        char small[65], large[65];
        int rc;

        if (k->files.at[i].known)
            continue;
        eg_hex(small, k->files.at[i].sums.of[kind], len);
        for (size_t c = 0; c <= 2 * len; c++)
            large[c] = (char)(small[c] >= 'a' && small[c] <= 'f' ? small[c] - 32 : small[c]);
        sqlite3_reset(b->statement);
        if (sqlite3_bind_text(b->statement, 1, small, (int)(2 * len), SQLITE_TRANSIENT) ||
            sqlite3_bind_text(b->statement, 2, large, (int)(2 * len), SQLITE_TRANSIENT))
            return false;
        rc = sqlite3_step(b->statement);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
            return false;
        k->files.at[i].known = rc == SQLITE_ROW;
    }
    return true;
}

static bool read_all(struct eg_run *r, struct known *k, struct base *b, unsigned kind)
{
    int rc = SQLITE_DONE;
    uint64_t n = 0;

    if (!prepare(b, sqlite3_mprintf("SELECT \"%w\" FROM \"%w\"", columns[kind], b->table)))
        return false;
    while (!eg_stopped(r) && (rc = sqlite3_step(b->statement)) == SQLITE_ROW) {
        const void *text = sqlite3_column_blob(b->statement, 0);
        const size_t len = (size_t)sqlite3_column_bytes(b->statement, 0);

        // Pages of a damaged file lead to each other: more rows than bytes for them.
        if (len >= eg_digest_size[EG_MD5] && ++n > b->size / eg_digest_size[EG_MD5]) {
            eg_failed(r, "--known: the database is damaged: more rows than its bytes can be");
            return false;
        }
        if (text && len == eg_digest_size[kind] &&
            sqlite3_column_type(b->statement, 0) == SQLITE_BLOB)
            known_mark(k, kind, text);
        else if (text && len == 2u * eg_digest_size[kind])
            known_mark_text(k, text, len);
    }
    return eg_stopped(r) || rc == SQLITE_DONE;
}

static int was_stopped(void *run)
{
    return eg_stopped(run);
}

/* As a URI that says that nothing changes the file: else one with a write-ahead log would get files
 * beside it. */
static bool open_base(struct eg_run *r, struct base *b, const char *path)
{
    static const char *const beside[] = { "-wal", "-journal" };
    enum { STEPS = 1 << 16 };
    char *uri = eg_tmp(r, 3 * strlen(path) + 32), *to = uri;
    struct stat st;

    to += sprintf(to, "file:");
    for (const char *p = path; *p; p++)
        to += sprintf(to, "%%%02X", (unsigned)(uint8_t)*p);
    sprintf(to, "?immutable=1");
    if (sqlite3_open_v2(uri, &b->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) != SQLITE_OK)
        return failed(r, b, path);
    sqlite3_db_config(b->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
#ifdef SQLITE_DBCONFIG_TRUSTED_SCHEMA
    sqlite3_db_config(b->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
#endif
    sqlite3_progress_handler(b->db, STEPS, was_stopped, r);
    if (stat(path, &st) == 0)
        b->size = (uint64_t)st.st_size;
    for (size_t i = 0; i < countof(beside); i++)
        if (stat(eg_strf(r, "%s%s", path, beside[i]), &st) == 0 && st.st_size)
            eg_note(r, "--known %s: the %s beside it is not read: close the database first", path,
                    beside[i] + 1);
    return true;
}

bool known_read_sqlite(struct eg_run *r, struct known *k, const char *path)
{
    eg_cleanup(close_base) struct base b = { 0 };

    if (!open_base(r, &b, path))
        return false;
    for (unsigned kind = 0; kind < EG_DIGESTS; kind++) {
        if (!find_table(&b, columns[kind])) {
            const int rc = sqlite3_errcode(b.db);

            if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW)
                return failed(r, &b, path);
            continue;
        }
        if (!(is_indexed(&b, columns[kind]) ? ask_each(r, k, &b, kind) : read_all(r, k, &b, kind)))
            return failed(r, &b, path);
        return !eg_stopped(r);
    }
    eg_run_fail(r, EG_EFORMAT,
                "--known %s: no table of this database has a column sha256, sha1 or md5", path);
    return false;
}

#else

bool known_read_sqlite(struct eg_run *r, struct known *k, const char *path)
{
    (void)k;
    eg_run_fail(r, EG_EUNSUP,
                "--known %s: this build does not read SQLite: sqlite3 FILE 'SELECT sha256 FROM "
                "METADATA' > LIST makes a list of it",
                path);
    return false;
}

#endif
