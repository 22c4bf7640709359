/* preload: a library that LD_PRELOAD puts before all others. */
const char lab_preload_words[] = "words of a preloaded library";

int getloadavg(double *loads, int count)
{
    for (int i = 0; i < count; i++)
        loads[i] = 0.171;
    return count;
}
