/* cloudhv_test.c - Cloud Hypervisor's snapshots: by folder, by either file, without or with a
 * damaged state. And what can be read only once. */
#include "mkdump.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096 };

static const char good[] =
    "{\"snapshots\":{\"memory-manager\":{\"snapshots\":{},\"snapshot_data\":{\"state\":\"{"
    "\\\"memory_ranges\\\":{\\\"data\\\":[{\\\"gpa\\\":0,\\\"length\\\":8192},"
    "{\\\"gpa\\\":4294967296,\\\"length\\\":4096}]},\\\"boot_ram\\\":12288}\"}}}}";

/** Members in another order, unknown ones, and an empty list in front. */
static const char other[] =
    "{\"x\": {\"memory_ranges\": {\"data\": []}}, \"state\": \"{\\\"memory_ranges\\\" : {"
    "\\\"more\\\":{\\\"data\\\":[[1,{}],\\\"]\\\"]}, \\\"data\\\" : [ {\\\"length\\\": 8192 ,"
    "\\\"new\\\":[{\\\"gpa\\\":7}],\\\"gpa\\\":0},"
    "{\\\"length\\\":4096,\\\"gpa\\\":4294967296,\\\"zone\\\":null} ],\\\"z\\\":true}}\"}";

static char folder[64];

static const char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const void *bytes, size_t len)
{
    FILE *f = fopen(path_of(name), "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static int open_path(const char *path, struct eg_error *e)
{
    const struct eg_open_options o = { .quiet = true, .tmp_dir = "/tmp" };

    close_image();
    return eg_image_open(&img, path, &o, e);
}

static int setup_folder(void **state)
{
    setup(state);
    strcpy(folder, "/tmp/cloudhv_test.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown_folder(void **state)
{
    teardown(state);
    unlink(path_of("memory-ranges"));
    unlink(path_of("state.json"));
    unlink(path_of("pipe"));
    return rmdir(folder);
}

static void write_memory(size_t pages)
{
    clear();
    for (size_t i = 0; i < pages; i++)
        fill((int)i + 1, PAGE);
    write_file("memory-ranges", file.at, file.len);
}

static void snapshot(void **state)
{
    static const char *const names[] = { "", "memory-ranges", "state.json" };
    struct eg_error e;

    (void)state;
    write_memory(3);
    for (size_t i = 0; i < 2 * countof(names); i++) {
        if (i % 2)
            write_file("state.json", other, sizeof other - 1);
        else
            write_file("state.json", good, sizeof good - 1);
        if (open_path(path_of(names[i / 2]), &e))
            fail_msg("%s", e.text);
        assert_string_equal(img->format, "Cloud Hypervisor snapshot");
        assert_int_equal(peek(0), 1);
        assert_int_equal(peek(2 * PAGE - 1), 2);
        assert_int_equal(peek(2 * PAGE), -EG_ABSENT);
        assert_int_equal(peek(UINT64_C(1) << 32), 3);
        assert_int_equal(peek((UINT64_C(1) << 32) + PAGE), -EG_ABSENT);
        assert_int_equal(img->notes.n, 0);
    }
    write_memory(2);
    assert_int_equal(open_path(folder, &e), 0);
    assert_int_equal(peek(PAGE), 2);
    assert_int_equal(peek(UINT64_C(1) << 32), -EG_UNREADABLE);
    assert_true(noted("truncated"));
    write_memory(4);
    assert_int_equal(open_path(folder, &e), 0);
    assert_true(noted("the last 4096 bytes"));
}

/** Without the list, the memory is where it lies in the file; the search for a kernel may move
 * it. */
static void no_list(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{\"memory_ranges\":{\"data\":[]}}",
        "{\"memory_ranges\":{\"data\":[{\"gpa\":-1,\"length\":4096}]}}",
        "{\"memory_ranges\":{\"data\":[{\"gpa\":4096,\"length\":18446744073709551615}]}}",
        "{\"memory_ranges\":{\"data\":[{\"gpa\":0,\"length\":4096}",
    };
    struct eg_error e;

    (void)state;
    write_memory(2);
    assert_int_equal(open_path(folder, &e), 0);
    assert_true(noted("state.json beside it is missing"));
    assert_true(img->movable);
    assert_int_equal(peek(PAGE), 2);
    for (size_t i = 0; i < countof(bad); i++) {
        write_file("state.json", bad[i], strlen(bad[i]));
        assert_int_equal(open_path(folder, &e), 0);
        assert_true(noted("does not list its ranges"));
        assert_int_equal(open_path(path_of("state.json"), &e), -EG_EFORMAT);
    }
    unlink(path_of("memory-ranges"));
    assert_int_equal(open_path(path_of("state.json"), &e), -EG_ENOTFOUND);
    assert_int_equal(open_path(folder, &e), -EG_EIO);
    assert_non_null(strstr(e.text, "is a folder"));
}

static void write_stream(void)
{
    uint8_t page[PAGE];
    int fd;

    if (fork())
        return;
    fd = open(path_of("pipe"), O_WRONLY);
    for (int i = 1; i < 600; i++) { // more than a pipe holds, and zeros
        memset(page, i < 500 ? i & 127 : 0, sizeof page);
        if (write(fd, page, sizeof page) != PAGE)
            _exit(1);
    }
    _exit(0);
}

static void read_once(void **state)
{
    struct eg_error e;
    int saved = dup(0), fd;

    (void)state;
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    write_stream();
    if (open_path(path_of("pipe"), &e))
        fail_msg("%s", e.text);
    assert_int_equal(eg_space_size(img->phys), 599 * PAGE);
    assert_int_equal(peek(300 * PAGE), 301 & 127);
    assert_int_equal(peek(599 * PAGE - 1), 0);

    write_stream();
    fd = open(path_of("pipe"), O_RDONLY);
    assert_int_equal(dup2(fd, 0), 0);
    close(fd);
    assert_int_equal(open_path("-", &e), 0);
    assert_int_equal(peek(498 * PAGE), 499 & 127);

    write_memory(3); // a file on standard input is not copied
    fd = open(path_of("memory-ranges"), O_RDONLY);
    assert_int_equal(dup2(fd, 0), 0);
    close(fd);
    assert_int_equal(open_path("-", &e), 0);
    assert_int_equal(peek(2 * PAGE), 3);
    fd = open("/dev/null", O_RDONLY);
    assert_int_equal(dup2(fd, 0), 0);
    close(fd);
    assert_int_equal(open_path("-", &e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, "is empty"));
    dup2(saved, 0);
    close(saved);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup_folder, teardown_folder)

int main(void)
{
    const struct CMUnitTest tests[] = { T(snapshot), T(no_list), T(read_once) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
