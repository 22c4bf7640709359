/* forms_pgp.c - OpenPGP's blocks. Each line, length and number is compared with what is there. */
#include "forms.h"

/* The next line, without its end. */
static bool next_line(struct eg_key_bytes *from, struct eg_key_bytes *out)
{
    const uint8_t *end = memchr(from->at, '\n', from->n);

    if (!end || !eg_key_take(from, (size_t)(end - from->at) + 1, out))
        return false;
    out->n--;
    out->n -= out->n && out->at[out->n - 1] == '\r';
    return true;
}

static const char begin_pgp[] = "-----BEGIN PGP PRIVATE KEY BLOCK-----",
                  end_pgp[] = "-----END PGP PRIVATE KEY BLOCK-----";

size_t eg_pgp_size(const uint8_t *p, size_t len)
{
    const uint8_t *stop;

    len = EG_MIN(len, (size_t)KEY_MAX);
    if (len < sizeof begin_pgp || memcmp(p, begin_pgp, sizeof begin_pgp - 1) != 0)
        return 0;
    p += sizeof begin_pgp - 1;
    len -= sizeof begin_pgp - 1;
    stop = memmem(p, len, "-----", 5); // the next dashes are those of the end
    return stop && len - (size_t)(stop - p) >= sizeof end_pgp - 1 &&
                   !memcmp(stop, end_pgp, sizeof end_pgp - 1)
               ? (size_t)(stop - p) + sizeof begin_pgp + sizeof end_pgp - 2
               : 0;
}

/* RFC 4880, 6.1. */
static uint32_t crc24(const uint8_t *p, size_t n)
{
    uint32_t crc = 0xb704ce;

    for (size_t i = 0; i < n; i++) {
        crc ^= (uint32_t)p[i] << 16;
        for (int bit = 0; bit < 8; bit++) {
            crc <<= 1;
            if (crc & 0x1000000)
                crc ^= 0x1864cfb;
        }
    }
    return crc & 0xffffff;
}

bool eg_pgp_read(const uint8_t *p, size_t len, struct eg_pgp *out)
{
    const size_t size = eg_pgp_size(p, len);
    struct eg_key_bytes from = { p + sizeof begin_pgp - 1, size };
    struct eg_key_bytes line, all;
    uint8_t sum[3];
    size_t n;

    out->n = 0;
    if (!size)
        return false;
    from.n -= sizeof begin_pgp - 1;
    do // the rest of the first line, headers, an empty line
        if (!next_line(&from, &line))
            return false;
    while (line.n || line.at == p + sizeof begin_pgp - 1);
    all = (struct eg_key_bytes){ from.at, 0 };
    do {
        all.n = (size_t)(from.at - all.at);
        if (!next_line(&from, &line))
            break;
    } while (line.n && line.at[0] != '=');
    if (!eg_base64(all, out->bytes, sizeof out->bytes, &out->n))
        return false;
    // the checksum is optional
    return !line.n || line.at[0] != '=' ||
           (eg_base64((struct eg_key_bytes){ line.at + 1, line.n - 1 }, sum, sizeof sum, &n) &&
            n == 3 &&
            (eg_be32((uint8_t[]){ 0, sum[0], sum[1], sum[2] }) == crc24(out->bytes, out->n)));
}

/* A multiprecision integer: bits, and as many bytes as they need. */
static bool take_mpi(struct eg_key_bytes *from, struct eg_key_bytes *out)
{
    struct eg_key_bytes bits;

    return eg_key_take(from, 2, &bits) &&
           eg_key_take(from, ((size_t)eg_be16(bits.at) + 7) / 8, out);
}

/* The content of the first packet, if that is a secret key (tag 5): in the old format with a length
 * of one or two bytes, in the new one too. */
static bool take_packet(struct eg_key_bytes from, struct eg_key_bytes *out)
{
    struct eg_key_bytes head, size;

    if (!eg_key_take(&from, 1, &head))
        return false;
    switch (head.at[0]) {
    case 0x94: // old, one byte
        return eg_key_take(&from, 1, &size) && eg_key_take(&from, size.at[0], out);
    case 0x95:
        return eg_key_take(&from, 2, &size) && eg_key_take(&from, eg_be16(size.at), out);
    case 0xc5: // new
        if (!eg_key_take(&from, 1, &size) || size.at[0] >= 224)
            return false;
        if (size.at[0] < 192)
            return eg_key_take(&from, size.at[0], out);
        return from.n && eg_key_take(&from, 1, &head) &&
               eg_key_take(&from, (size_t)(size.at[0] - 192) * 256 + head.at[0] + 192, out);
    default:
        return false;
    }
}

enum { PGP_RSA = 1, PGP_RSA_SIGN = 3, PGP_DSA = 17, PGP_ECDH, PGP_ECDSA, PGP_EDDSA = 22 };

static const char *pgp_algorithm(unsigned n)
{
    switch (n) {
    case PGP_RSA:
    case 2:
    case PGP_RSA_SIGN:
        return "RSA";
    case 16:
        return "Elgamal";
    case PGP_DSA:
        return "DSA";
    case PGP_ECDH:
        return "ECDH";
    case PGP_ECDSA:
        return "ECDSA";
    case PGP_EDDSA:
        return "EdDSA";
    case 25:
        return "X25519";
    case 26:
        return "X448";
    case 27:
        return "Ed25519";
    case 28:
        return "Ed448";
    default:
        return NULL;
    }
}

/* A number as SSH has it, put behind what is in @room: a zero before a highest bit. */
static struct eg_key_bytes put_number(struct eg_key_buf *room, struct eg_key_bytes n)
{
    const struct eg_key_bytes none = { NULL, 0 };
    const size_t at = room->n;

    if (n.n && n.at[0] & 0x80)
        eg_key_put(room, "", 1);
    eg_key_put(room, n.at, n.n);
    return room->full ? none : (struct eg_key_bytes){ room->at + at, room->n - at };
}

static bool checksum_fits(struct eg_key_bytes secret, struct eg_key_bytes sum)
{
    uint16_t n = 0;

    for (size_t i = 0; i < secret.n; i++)
        n = (uint16_t)(n + secret.at[i]);
    return sum.n == 2 && eg_be16(sum.at) == n;
}

/* n, e; d, p, q, and p's inverse modulo q: OpenSSH's order has the greater prime first. */
static bool pgp_rsa(struct eg_key_bytes from, struct eg_key_buf *room, struct eg_openssh *out)
{
    static const uint8_t order[] = { 0, 1, 2, 5, 4, 3 }; // n e d u q p
    struct eg_key_bytes m[6], usage, secret;
    size_t at;

    if (!take_mpi(&from, &m[0]) || !take_mpi(&from, &m[1]) || !eg_key_take(&from, 1, &usage) ||
        usage.at[0])
        return false;
    secret = from;
    for (size_t i = 2; i < 6; i++)
        if (!take_mpi(&from, &m[i]))
            return false;
    secret.n -= from.n;
    if (!checksum_fits(secret, from))
        return false;
    for (size_t i = 0; i < 6; i++)
        out->fields[i] = put_number(room, m[order[i]]);
    out->type = (struct eg_key_bytes){ (const uint8_t *)"ssh-rsa", 7 };
    out->n_fields = 6;
    at = room->n;
    eg_key_put_ssh(room, "ssh-rsa", 7);
    eg_key_put_ssh(room, out->fields[1].at, out->fields[1].n);
    eg_key_put_ssh(room, out->fields[0].at, out->fields[0].n);
    out->public = (struct eg_key_bytes){ room->at + at, room->n - at };
    return !room->full;
}

/* The curve's name, a point that begins with 0x40, the seed, which lacks zeros at its beginning. */
static bool pgp_ed25519(struct eg_key_bytes from, struct eg_key_buf *room, struct eg_openssh *out)
{
    static const uint8_t curve[] = { 9, 0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1 };
    static const uint8_t zeros[32] = { 0 };
    struct eg_key_bytes oid, point, usage, secret, seed;
    size_t at;

    if (!eg_key_take(&from, sizeof curve, &oid) || memcmp(oid.at, curve, sizeof curve) != 0 ||
        !take_mpi(&from, &point) || point.n != 33 || point.at[0] != 0x40 ||
        !eg_key_take(&from, 1, &usage) || usage.at[0])
        return false;
    secret = from;
    if (!take_mpi(&from, &seed) || seed.n > 32)
        return false;
    secret.n -= from.n;
    if (!checksum_fits(secret, from))
        return false;
    eg_key_put(room, zeros, 32 - seed.n);
    eg_key_put(room, seed.at, seed.n);
    eg_key_put(room, point.at + 1, 32);
    out->fields[0] = (struct eg_key_bytes){ point.at + 1, 32 };
    out->fields[1] = (struct eg_key_bytes){ room->at, 64 };
    out->n_fields = 2;
    out->type = (struct eg_key_bytes){ (const uint8_t *)"ssh-ed25519", 11 };
    at = room->n;
    eg_key_put_ssh(room, "ssh-ed25519", 11);
    eg_key_put_ssh(room, point.at + 1, 32);
    out->public = (struct eg_key_bytes){ room->at + at, room->n - at };
    return !room->full;
}

/* What says how the secret part is encrypted stands behind the public one. */
static bool take_usage(struct eg_key_bytes from, unsigned algorithm, struct eg_key_bytes *out)
{
    static const uint8_t native[] = { 32, 56, 32, 57 }; // 25 and those behind it
    struct eg_key_bytes part;
    size_t numbers = 1;

    if (algorithm >= 25)
        return eg_key_take(&from, native[algorithm - 25], &part) && eg_key_take(&from, 1, out);
    if (algorithm == PGP_ECDH || algorithm == PGP_ECDSA || algorithm == PGP_EDDSA) {
        if (!eg_key_take(&from, 1, &part) || !eg_key_take(&from, part.at[0], &part))
            return false;
    } else {
        numbers = algorithm == PGP_DSA ? 4 : algorithm == 16 ? 3 : 2;
    }
    while (numbers--)
        if (!take_mpi(&from, &part))
            return false;
    if (algorithm == PGP_ECDH &&
        (!eg_key_take(&from, 1, &part) || !eg_key_take(&from, part.at[0], &part)))
        return false;
    return eg_key_take(&from, 1, out);
}

bool eg_pgp_key(const struct eg_pgp *from, struct eg_key_buf *room, struct eg_openssh *out,
                const char **algorithm)
{
    struct eg_key_bytes packet = { from->bytes, from->n }, head, usage;

    *out = (struct eg_openssh){ .comment = { from->bytes, 0 } };
    room->n = 0;
    room->full = false;
    if (!take_packet(packet, &packet) || !eg_key_take(&packet, 6, &head) ||
        !(*algorithm = pgp_algorithm(head.at[5])))
        return false;
    if (head.at[0] == 4) {
        if (!take_usage(packet, head.at[5], &usage))
            return false;
        out->encrypted = usage.at[0];
        if (out->encrypted)
            return true;
        if (head.at[5] <= PGP_RSA_SIGN)
            return pgp_rsa(packet, room, out);
        // of another curve or sort it is only named
        return head.at[5] != PGP_EDDSA || packet.n < 10 || packet.at[0] != 9 ||
               pgp_ed25519(packet, room, out);
    }
    return head.at[0] == 5 || head.at[0] == 6;
}
