/** listen.h - a place where another program of this machine may connect: a port of the loopback, or
 * a socket in the file system that only its owner can use. */
#ifndef EG_LIVE_LISTEN_H
#define EG_LIVE_LISTEN_H

#include "../core/base.h"

struct live_listener {
    int fd;
    char name[256]; /**< "127.0.0.1:40123"; of unix:PATH the path */
    bool unix_socket;
    bool open; /**< not of the loopback: other machines can connect */
};
/** @where: "HOST:PORT", ":PORT", "PORT", "[ADDRESS]:PORT", "unix:PATH". Port 0: any free one. */
int live_listen(struct live_listener *out, const char *where, struct eg_error *e);
/** Wait for the next connection. @return its descriptor, which the caller closes; -EG_ECANCEL:
 * Ctrl-C; -EG_EIO. */
int live_accept(struct live_listener *l);
void live_listen_end(struct live_listener *l); /**< also removes the socket's file */

#endif
