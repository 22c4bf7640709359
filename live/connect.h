/** connect.h - a connection to a program that waits for one: a socket in the file system, or a
 * port. */
#ifndef EG_LIVE_CONNECT_H
#define EG_LIVE_CONNECT_H

#include "../core/base.h"

/** @where: "PATH", "HOST:PORT", "[ADDRESS]:PORT", ":PORT" of this machine. @return a descriptor,
 * which the caller closes; negative: the error has the reason, without @where. *@is_unix, also when
 * it fails: it is a path. */
int live_connect(const char *where, bool *is_unix, struct eg_error *e);

#endif
