/* text_types_test.c - the types that VMCOREINFO describes, for a kernel without others. */
#include "../../../plugins/linux/find/open.h"
#include "check.h"
#include "profile.h"
#include <string.h>

static const char text[] =
    "OSRELEASE=6.1.0\nOFFSET(uts_namespace.name)=4\nSYMBOL(prb)=ffffffff82000000\n"
    "SIZE(printk_ringbuffer)=80\nOFFSET(printk_ringbuffer.desc_ring)=0\n"
    "OFFSET(printk_ringbuffer.text_data_ring)=40\nSIZE(prb_desc_ring)=40\n"
    "OFFSET(prb_desc_ring.count_bits)=0\nOFFSET(prb_desc_ring.descs)=8\n"
    "OFFSET(prb_desc_ring.infos)=16\nOFFSET(prb_desc_ring.head_id)=24\n"
    "OFFSET(prb_desc_ring.tail_id)=32\nSIZE(prb_desc)=24\nOFFSET(prb_desc.state_var)=0\n"
    "OFFSET(prb_desc.text_blk_lpos)=8\nSIZE(prb_data_blk_lpos)=16\n"
    "OFFSET(prb_data_blk_lpos.begin)=0\nOFFSET(prb_data_blk_lpos.next)=8\nSIZE(printk_info)=88\n"
    "OFFSET(printk_info.seq)=0\nOFFSET(printk_info.ts_nsec)=8\nOFFSET(printk_info.text_len)=16\n"
    "OFFSET(printk_info.caller_id)=20\nOFFSET(printk_info.dev_info)=24\nSIZE(dev_printk_info)=64\n"
    "OFFSET(dev_printk_info.subsystem)=0\nLENGTH(printk_info_subsystem)=16\n"
    "OFFSET(dev_printk_info.device)=16\nLENGTH(printk_info_device)=48\nSIZE(prb_data_ring)=40\n"
    "OFFSET(prb_data_ring.size_bits)=0\nOFFSET(prb_data_ring.data)=8\nSIZE(atomic_long_t)=8\n"
    "OFFSET(atomic_long_t.counter)=0\n";

static void members(void **state)
{
    static const struct {
        const char *type, *path;
        unsigned bit, bits;
        uint64_t size; // of its type
    } cases[] = {
        { "printk_ringbuffer", "text_data_ring.data", 8 * 48, 0, 8 },
        { "printk_ringbuffer", "desc_ring.tail_id.counter", 8 * 32, 0, 8 },
        { "prb_desc", "text_blk_lpos.next", 8 * 16, 0, 8 },
        { "prb_desc_ring", "infos", 8 * 16, 0, 8 },
        { "printk_info", "facility", 8 * 18, 0, 1 },
        { "printk_info", "level", 8 * 19 + 5, 3, 1 },
        { "printk_info", "dev_info.device", 8 * 40, 0, 48 },
        { "uts_namespace", "name.version", 8 * (4 + 3 * 65), 0, 65 },
    };
    static const struct {
        const char *type;
        uint64_t size;
    } sizes[] = { { "printk_info", 88 }, { "prb_desc", 24 }, { "uts_namespace", 394 } };
    const struct eg_model m = { .ptr_size = 8, .long_size = 8 };
    const struct eg_vmcoreinfo t = { text, sizeof text - 1 };
    struct eg_profile *p = linux_text_types(&t, &m);
    struct eg_types ts = { 0 };
    uint32_t iter = 0;

    (void)state;
    assert_non_null(p);
    assert_int_equal(eg_types_init(&ts, p, NULL), 0);
    for (size_t i = 0; i < countof(cases); i++) {
        uint64_t at = 0;
        const uint32_t id = eg_types_named(&ts, cases[i].type, NULL, 1u << EG_T_STRUCT, &at);
        struct eg_member_at member;

        print_message("# %s.%s\n", cases[i].type, cases[i].path);
        assert_true(id);
        assert_true(eg_type_find(&ts, id, cases[i].path, &member));
        assert_int_equal(member.bit_off, cases[i].bit);
        assert_int_equal(member.bit_size, cases[i].bits);
        assert_int_equal(eg_type_size(&ts, member.type, &m), cases[i].size);
    }
    for (size_t i = 0; i < countof(sizes); i++) {
        uint64_t at = 0;
        const uint32_t id = eg_types_named(&ts, sizes[i].type, NULL, 1u << EG_T_STRUCT, &at);

        assert_int_equal(eg_type_size(&ts, id, &m), sizes[i].size);
    }
    // What the text does not describe is no type.
    assert_int_equal(eg_profile_type(p, "printk_log", 1u << EG_T_STRUCT, &iter), 0);
    eg_types_fini(&ts);
    eg_profile_free(p);
}

/* Numbers that cannot be: the member is left out, or the type. */
static void hostile(void **state)
{
    static const char *const texts[] = {
        "OSRELEASE=1\nOFFSET(printk_info.seq)=-8\nSIZE(printk_info)=88\n",
        "OSRELEASE=1\nOFFSET(printk_info.seq)=99999999999\nSIZE(printk_info)=88\n",
        "OSRELEASE=1\nOFFSET(dev_printk_info.device)=0\nLENGTH(printk_info_device)=4000000000\n",
        "OSRELEASE=1\nOFFSET(prb_desc.state_var)=0\n", // of a type that is not there
        "OSRELEASE=1\n",
    };
    const struct eg_model m = { .ptr_size = 4, .long_size = 4, .big_endian = true };

    (void)state;
    for (size_t i = 0; i < countof(texts); i++) {
        const struct eg_vmcoreinfo t = { texts[i], strlen(texts[i]) };
        struct eg_profile *p = linux_text_types(&t, &m);
        uint32_t iter = 0;

        assert_non_null(p);
        assert_int_equal(eg_profile_type(p, "printk_info", 1u << EG_T_STRUCT, &iter), 0);
        iter = 0;
        assert_int_equal(eg_profile_type(p, "dev_printk_info", 1u << EG_T_STRUCT, &iter), 0);
        iter = 0;
        assert_int_equal(eg_profile_type(p, "prb_desc", 1u << EG_T_STRUCT, &iter), 0);
        eg_profile_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members),
        cmocka_unit_test(hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
