/* sshkey_fuzz.c - any bytes as a private key that OpenSSH serialized. What can be read is put into
 * a file, and read from it again. */
#include "../../plugins/keys/privkey.h"
#include "../../plugins/keys/sshkey.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct eg_key_buf file;
    static struct eg_privkey read;
    static char text[2 * KEY_MAX];
    struct eg_sshkey key;
    struct eg_openssh o;
    size_t n;

    if (!eg_sshkey_read(data, size, &key))
        return 0;
    if (key.n_fields > countof(key.fields))
        abort();
    file.n = 0;
    file.full = false;
    eg_sshkey_file(&key, "comment", &file);
    if (file.full)
        return 0;
    n = eg_sshkey_text(&file, text, sizeof text);
    if (n != (n ? strlen(text) : 0))
        abort();
    if (key.token)
        return 0;
    if (!eg_openssh_read(file.at, file.n, &o) || o.size != file.n || o.n_fields != key.n_fields)
        abort();
    eg_privkey_read(KEY_OPENSSH, file.at, file.n, &read);
    return 0;
}
