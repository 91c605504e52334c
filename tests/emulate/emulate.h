/* tests/emulate/emulate.h - what tests ask of the emulated device (plain C). */
#ifndef GLINT_TESTS_EMULATE_EMULATE_H
#define GLINT_TESTS_EMULATE_EMULATE_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In which order blocks, and threads between two barriers, run. */
enum glint_emulated_order {
    GLINT_EMULATED_FORWARD,
    GLINT_EMULATED_REVERSE,
    GLINT_EMULATED_SHUFFLED, /* by the seed */
    GLINT_EMULATED_N_ORDERS
};
void glint_emulated_set_order(enum glint_emulated_order order, uint64_t seed);

/* Fibers' switches and launches so far, to see that a kernel without barriers needs none. */
uint64_t glint_emulated_n_switches(void);
uint64_t glint_emulated_n_launches(void);

/* Whether a read beside device or shared memory ends the program (AddressSanitizer); writes are seen always.
 */
int glint_emulated_sees_reads(void);

#ifdef __cplusplus
}
#endif
#endif
