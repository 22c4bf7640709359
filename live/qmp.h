/** qmp.h - QEMU's monitor (QEMU's documentation, "QMP Protocol Specification"): one line of JSON
 * for a command, one for its answer, and events between them. Through a unix or TCP socket, or
 * through libvirt's command.
 *
 *  The other side may be anything: lines, numbers and the time that an answer takes are bounded. */
#ifndef EG_LIVE_QMP_H
#define EG_LIVE_QMP_H

#include "../core/base.h"

enum {
    QMP_LINE_MAX = 16 << 20, /**< bytes of an answer */
    QMP_DEPTH_MAX = 64,      /**< of arrays and objects in each other */
    QMP_SECONDS = 10,        /**< for an answer */
};

/** A value of JSON. Texts and members are the value's own: valid until qmp_free() of the whole. */
struct qmp_value;
/** Parse one line. @return 0 or -EG_EFORMAT, -EG_ENOMEM, -EG_EUNSUP (built without yajl). */
int qmp_parse(struct qmp_value **out, const char *text, size_t len, struct eg_error *e);
void qmp_free(struct qmp_value *v); /**< NULL-safe */
/** The member @name of an object; NULL: it is none, or has none. NULL-safe, as all below. */
struct qmp_value *qmp_member(struct qmp_value *v, const char *name);
struct qmp_value *qmp_item(struct qmp_value *v, size_t i); /**< of an array; NULL past the end */
const char *qmp_text(struct qmp_value *v);                 /**< NULL: is no string */
bool qmp_number(struct qmp_value *v, uint64_t *out); /**< false: no number from 0 to 2^63 - 1 */
bool qmp_true(struct qmp_value *v);

struct qmp;
/** @where: the path of a unix socket, HOST:PORT, or "libvirt:DOMAIN". */
int qmp_open(struct qmp **out, const char *where, struct eg_error *e);
void qmp_close(struct qmp *q); /**< NULL-safe */
/** Run a command. @arguments: JSON of an object; NULL: none. @fd is sent with it; -1: none. *@out
 * (may be NULL) is what it returns: qmp_free(). Errors of QEMU are its own words. */
int qmp_call(struct qmp *q, struct qmp_value **out, const char *command, const char *arguments,
             int fd, struct eg_error *e);
/** Run a command of the monitor for people. @return its text: free(); NULL: an error. */
char *qmp_monitor(struct qmp *q, const char *line, struct eg_error *e);

/** The process on the other side of a unix socket, on this machine; 0: not known. */
int qmp_pid(const struct qmp *q);
/** Is it surely a monitor of this machine? Paths that another one names are of its own files. */
bool qmp_is_here(const struct qmp *q);
bool qmp_takes_files(const struct qmp *q); /**< can descriptors be sent? */

/** Read the events that have come. @return false: the other side has ended. *@resets counts how
 * often the guest was reset since the monitor was opened. */
bool qmp_events(struct qmp *q, unsigned *resets);

/** Have another process hold the monitor too: when this one ends, however it does, or after
 * qmp_let_go() with @go_on, that one tells the guest to go on. */
int qmp_guard(struct qmp *q, struct eg_error *e);
void qmp_let_go(struct qmp *q, bool go_on);

#endif
