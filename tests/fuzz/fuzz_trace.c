/* tests/fuzz/fuzz_trace.c - a trace file as glint trace reads it. */
#include "tests/fuzz/fuzz.h"
#include "glint/status.h"
#include "tools/trace_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct glint_trace_table table;
    double share, ns;
    uint8_t *exact = glint_fuzz_block(data, size);
    if (glint_trace_table_parse("input", exact, size, &table) == GLINT_OK) {
        for (int i = 0; i < GLINT_TABLE_SERIES; i++)
            if (glint_trace_rank(&table.series[i], 500) > glint_trace_rank(&table.series[i], 1000))
                abort();
        for (int slowest = 0; slowest < 2; slowest++) {
            const int stage = glint_trace_critical(&table, slowest, &share, &ns);
            if (stage > GLINT_TABLE_WAITING || !(share >= 0 && share <= 1e9))
                abort();
        }
        glint_trace_table_free(&table);
    }
    free(exact);
    return 0;
}
