/* ip.c - addresses and ports of the Internet protocols. */
#include "ip.h"
#include <arpa/inet.h>
#include <string.h>

const char *linux_ip_text(struct eg_run *r, const uint8_t *bytes, size_t len)
{
    char *text = eg_tmp(r, INET6_ADDRSTRLEN);

    return inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, text, INET6_ADDRSTRLEN);
}

struct eg_cell linux_ip(struct eg_run *r, struct eg_obj address)
{
    uint8_t bytes[16];

    if (address.why)
        return eg_cell_of(address);
    if (address.size != 4 && address.size != sizeof bytes)
        return eg_missing(EG_WRONG_TYPE, address.addr);
    if (!eg_read(address.view, address.space, address.addr, bytes, address.size))
        return eg_missing((enum eg_why)address.view->why, address.view->why_addr);
    return eg_text(linux_ip_text(r, bytes, address.size));
}

bool linux_be(struct eg_obj o, uint32_t *out)
{
    uint8_t bytes[4];

    if (o.why || !o.size || o.size > sizeof bytes ||
        !eg_read(o.view, o.space, o.addr, bytes, o.size))
        return false;
    *out = 0;
    for (size_t i = 0; i < o.size; i++)
        *out = *out << 8 | bytes[i];
    return true;
}

struct eg_cell linux_be16(struct eg_obj port)
{
    uint32_t value;

    if (port.why)
        return eg_cell_of(port);
    if (!linux_be(port, &value))
        return eg_missing((enum eg_why)port.view->why, port.view->why_addr);
    return eg_uint(value);
}

EG_FUNCTION(ip) = {
    .os = "linux",
    .help = "an Internet address (a __be32 or a struct in6_addr) as text",
    .args = "address",
    .returns = "text",
    .cell = linux_ip,
};
