/* compat: a 32-bit process, without a library. */
static long call(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}

static char words[4096] = "words of a 32-bit process";

__attribute__((used)) static void run(void)
{
    words[4095] = 1;
    call(172 /* prctl */, 15 /* PR_SET_NAME */, (long)"compat-32", 0);
    for (;;)
        call(29 /* pause */, 0, 0, 0);
}

__asm__(".globl _start\n_start: call run\n");
