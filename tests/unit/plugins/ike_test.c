/* ike_test.c - keys of IKEv2: messages that Python's cryptography made, and a process that has them
 * beside what their keys are kept in. */
#include "../../../plugins/keys/aes.h"
#include "../../../plugins/keys/ike.h"
#include "check.h"
#include "mkuser.h"
#include "mkvault.h"

/* AES-GCM, of the initiator; AES-128-CBC and HMAC-SHA256, of the responder; AES-256-CBC and
 * HMAC-SHA1, empty, of the initiator. */
static const char *const texts[] = {
    "0102030405060708090a0b0c0d0e0f102e2023080000000100000045290000295a7794b1ceeb0825f6adfe6a0d686f"
    "dd78ff3732c2a59cdb1dd729cc2456361a9d76e7aef1",
    "0102030405060708090a0b0c0d0e0f102e2023200000000100000050290000345b7895b2cfec092643607d9ab7d4f1"
    "0ebb24715d6b5c4dd783dbf3aa6413c9333aa35b0d80c010580b45a53c5b97db84",
    "0102030405060708090a0b0c0d0e0f102e202508000000020000004c000000305b7895b2cfec092643607d9ab7d4f1"
    "0ed137a3e7d45f9275a4c1deb9a2220f2a8c5353097de94b00018ee6bf",
    "0102030405060708090a0b0c0d0e0f102e202508000000030000004c000000305b7895b2cfec092643607d9ab7d4f1"
    "0ed137a3e7d45f9275a4c1deb9a2220f2a623e66a377601ba955d642ac",
    "0102030405060708090a0b0c0d0e0f102e202508000000040000004c000000305b7895b2cfec092643607d9ab7d4f1"
    "0ed137a3e7d45f9275a4c1deb9a2220f2a7f698f6d7a050a5b92c9b714",
};
enum { OF_GCM, OF_CBC, EMPTY, EMPTY_TOO, EMPTY_THIRD, MESSAGES };

static uint8_t messages[MESSAGES][128];
static size_t lens[MESSAGES];

static void read_messages(void)
{
    for (unsigned i = 0; i < MESSAGES; i++) {
        unsigned byte;

        for (lens[i] = 0; sscanf(texts[i] + 2 * lens[i], "%2x", &byte) == 1; lens[i]++)
            messages[i][lens[i]] = (uint8_t)byte;
    }
}

static const uint8_t *key(size_t n, unsigned seed)
{
    static uint8_t out[4][64];
    static unsigned next;
    uint8_t *p = out[next++ % 4];

    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(i * 29 + seed);
    return p;
}

static void forms(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
    } broken[] = {
        { 16, 41 }, { 17, 0x21 }, { 18, 34 }, { 18, 44 }, { 19, 0x48 }, { 24, 1 },
        { 27, 70 }, { 28, 32 },   { 28, 55 }, { 29, 1 },  { 31, 0 },
    };
    uint8_t copy[128];

    (void)state;
    read_messages();
    for (unsigned i = 0; i < MESSAGES; i++) {
        assert_int_equal(eg_ike_message(messages[i], lens[i]), lens[i]);
        assert_int_equal(eg_ike_message(messages[i], IKE_HEAD), lens[i]);
        assert_int_equal(eg_ike_message(messages[i], IKE_HEAD - 1), 0);
    }
    for (size_t i = 0; i < countof(broken); i++) {
        memcpy(copy, messages[OF_GCM], sizeof copy);
        copy[broken[i].at] = broken[i].value;
        assert_int_equal(eg_ike_message(copy, sizeof copy), 0);
    }
    memcpy(copy, messages[OF_GCM], sizeof copy); // too short, and too long, for all its lengths
    copy[27] = 48, copy[31] = 20;
    assert_int_equal(eg_ike_message(copy, sizeof copy), 0);
    copy[26] = copy[30] = 0x40;
    assert_int_equal(eg_ike_message(copy, sizeof copy), 0);
}

static void opening(void **state)
{
    uint8_t copy[128];

    (void)state;
    read_messages();
    assert_true(eg_ike_gcm(messages[OF_GCM], 69, key(32, 3), 32, key(4, 7)));
    assert_false(eg_ike_gcm(messages[OF_GCM], 69, key(32, 3), 32, key(4, 8)));
    assert_false(eg_ike_gcm(messages[OF_GCM], 69, key(32, 4), 32, key(4, 7)));
    assert_false(eg_ike_gcm(messages[OF_GCM], 40, key(32, 3), 32, key(4, 7)));
    assert_int_equal(eg_ike_mac(messages[OF_CBC], 80, key(32, 5), 32), 16);
    assert_int_equal(eg_ike_mac(messages[OF_CBC], 80, key(32, 6), 32), 0);
    assert_int_equal(eg_ike_mac(messages[OF_CBC], 80, key(20, 5), 20), 0);
    assert_int_equal(eg_ike_mac(messages[EMPTY], 76, key(20, 5), 20), 12);
    assert_int_equal(eg_ike_mac(messages[EMPTY], 40, key(20, 5), 20), 0);
    assert_int_equal(eg_ike_mac(messages[EMPTY], 76, key(20, 5), 21), 0);
    assert_int_equal(eg_ike_cbc(messages[OF_CBC], 80, 16, key(16, 4), 16), 1);
    assert_int_equal(eg_ike_cbc(messages[OF_CBC], 80, 16, key(16, 5), 16), -1);
    assert_int_equal(eg_ike_cbc(messages[OF_CBC], 80, 12, key(16, 4), 16), -1);
    assert_int_equal(eg_ike_cbc(messages[OF_CBC], 50, 16, key(16, 4), 16), -1);
    assert_int_equal(eg_ike_cbc(messages[EMPTY], 76, 12, key(32, 4), 32), 0);
    assert_int_equal(eg_ike_cbc(messages[EMPTY], 76, 12, key(32, 4), 20), -1);
    memcpy(copy, messages[OF_CBC], sizeof copy); // the IV: a payload of another length
    for (unsigned value = 0; value < 256; value++) {
        copy[32 + 3] = (uint8_t)value;
        assert_int_equal(eg_ike_cbc(copy, 80, 16, key(16, 4), 16),
                         value == messages[OF_CBC][35] ? 1 : -1);
    }
}

/* ---- a process ---- */

#define each_process(u)                                                                            \
    mk_each_machine(m_) for (struct mk_user u = mk_user(m_, 0); u.g.k; mk_free(u.g.k), u.g.k = NULL)

static uint64_t bytes_of(struct mk_user *u, const void *bytes, size_t n)
{
    const uint64_t at = mk_user_room(u, n + 16);

    mk_guest_write(&u->g, u->mm, at, bytes, n);
    return at;
}

static void schedule_of(struct mk_user *u, const uint8_t *of, unsigned words)
{
    uint8_t schedule[AES_SCHEDULE_MAX];

    eg_aes_expand(of, words, schedule);
    bytes_of(u, schedule, eg_aes_size(words));
}

static const char *told(struct mk_user *u)
{
    return mk_told(&u->g, "IKE");
}

#define NAME    "0102030405060708_i 090a0b0c0d0e0f10_r|"
#define ROW_GCM NAME "SK_ei|AES-GCM-256|opens a message of 69 bytes|03203d5a\n"
#define ROW_ER  NAME "SK_er|AES-CBC-128|opens a message of 80 bytes|04213e5b\n"
#define ROW_AR  NAME "SK_ar|HMAC_SHA2_256_128 [RFC4868]|authenticates a message|05223f5c\n"
#define ROW_EI  NAME "SK_ei|AES-CBC-256|opens a message of 76 bytes|04213e5b\n"
#define ROW_AI  NAME "SK_ai|HMAC_SHA1_96 [RFC2404]|authenticates a message|05223f5c\n"

/* As strongSwan's plugin for OpenSSL keeps it: the key, its length, the salt, its length. */
static void gcm_chunk(void **state)
{
    read_messages();
    (void)state;
    each_process(u)
    {
        const uint64_t k = bytes_of(&u, key(32, 3), 32), aead = MK_WORDS(&u, k, 32, 0, 4, 16);
        uint64_t message;

        mk_guest_write(&u.g, u.mm, aead + (uint64_t)2 * u.ptr, key(4, 7), 4);
        assert_string_equal(told(&u), "");
        message = bytes_of(&u, messages[OF_GCM], lens[OF_GCM]);
        assert_string_equal(told(&u), ROW_GCM);
        mk_user_int(&u, message + 68, 1, 0);
        assert_string_equal(told(&u), "");
        mk_user_int(&u, message + 68, 1, messages[OF_GCM][68]);
        mk_user_word(&u, aead, 1, 31);
        assert_string_equal(told(&u), "");
    }
}

/* As strongSwan's own GCM does: its cipher has a schedule, the salt is before the subkey. */
static void gcm_subkey(void **state)
{
    static const uint8_t subkey[] = { 0x69, 0xc7, 0x36, 0x06, 0x41, 0xd2, 0x3f, 0x99,
                                      0x85, 0xc0, 0x32, 0x0c, 0xd0, 0x06, 0x1c, 0x79 };

    (void)state;
    read_messages();
    each_process(u)
    {
        uint64_t at;

        bytes_of(&u, messages[OF_GCM], lens[OF_GCM]);
        schedule_of(&u, key(32, 3), 8);
        at = MK_WORDS(&u, 1, 2, 16, 0, 0, 0, 0, 0);
        mk_guest_write(&u.g, u.mm, at + (uint64_t)3 * u.ptr, key(4, 7), 4);
        mk_guest_write(&u.g, u.mm, at + (uint64_t)3 * u.ptr + 4, subkey, 16);
        assert_string_equal(told(&u), ROW_GCM);
        mk_user_int(&u, at + (uint64_t)3 * u.ptr + 4, 1, 1);
        assert_string_equal(told(&u), "");
    }
}

/* A schedule and the block of an HMAC; a message whose SPIs were written over. */
static void cbc(void **state)
{
    (void)state;
    read_messages();
    each_process(u)
    {
        uint8_t block[64];
        uint64_t at;
        const char *table;

        memset(block, 0x36, sizeof block);
        for (unsigned i = 0; i < 32; i++)
            block[i] ^= key(32, 5)[i];
        bytes_of(&u, block, sizeof block);
        at = bytes_of(&u, messages[OF_CBC], lens[OF_CBC]);
        assert_string_equal(told(&u), NAME "SK_ar|HMAC_SHA2_256_128 [RFC4868]|authenticates a "
                                           "message|05223f5c\n");
        schedule_of(&u, key(16, 4), 4);
        assert_string_equal(told(&u), ROW_ER ROW_AR);
        mk_user_int(&u, at, 8, 0); // of no other message
        assert_string_equal(told(&u), "");
        mk_user_int(&u, at, 1, 1);
        for (unsigned i = 0; i < 8; i++)
            mk_user_int(&u, at + i, 1, messages[OF_CBC][i]);

        // An empty message proves a MAC's key; three of them a cipher's.
        MK_WORDS(&u, bytes_of(&u, key(20, 5), 20), 20);
        schedule_of(&u, key(32, 4), 8);
        at = bytes_of(&u, messages[EMPTY], lens[EMPTY]);
        assert_string_equal(told(&u), ROW_AI ROW_ER ROW_AR);
        bytes_of(&u, messages[EMPTY], lens[EMPTY]); // the same again
        assert_string_equal(told(&u), ROW_AI ROW_ER ROW_AR);
        mk_user_int(&u, at, 8, 0x1234567);
        bytes_of(&u, messages[EMPTY_TOO], lens[EMPTY_TOO]);
        assert_string_equal(told(&u), ROW_AI ROW_ER ROW_AR);
        bytes_of(&u, messages[EMPTY_THIRD], lens[EMPTY_THIRD]);
        assert_string_equal(told(&u), ROW_EI ROW_AI ROW_ER ROW_AR);
        table = mk_exported(&u.g, "ike/ikev2_decryption_table");
        // the keys of the other direction are of other lengths: zeros
        assert_non_null(table);
        assert_string_equal(
            table, "0102030405060708,090a0b0c0d0e0f10,"
                   "04213e5b7895b2cfec092643607d9ab7d4f10e2b4865829fbcd9f613304d6a87,"
                   "0000000000000000000000000000000000000000000000000000000000000000,"
                   "\"AES-CBC-256 [RFC3602]\",05223f5c7996b3d0ed0a2744617e9bb8d5f20f2c,"
                   "0000000000000000000000000000000000000000,\"HMAC_SHA1_96 [RFC2404]\"\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),      cmocka_unit_test(opening), cmocka_unit_test(gcm_chunk),
        cmocka_unit_test(gcm_subkey), cmocka_unit_test(cbc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
