/* tests/test_track_quality.c - two drives of 15 s with known tracks (Argoverse 2), degraded into detections:
 * the ids beside those of a plain nearest-centre tracker, with the vehicle's poses and without. */
#include "tests/argoverse.h"

static const struct {
    const char *folder;
    double mota[3];  /* at least, per noise */
    int switches[3]; /* at most */
} logs[] = {{"frames/argoverse2/3b3570b4", {0.97, 0.97, 0.92}, {2, 2, 8}},
            {"frames/argoverse2/7fab2350", {0.98, 0.98, 0.93}, {5, 5, 14}}};

static struct argoverse drive;

static void check(const char *name, int noise, bool poses, double mota, int switches)
{
    struct argoverse_result r;
    for (uint64_t seed = 1; seed <= (noise == 2 ? 2 : 1); seed++) {
        argoverse_track(&drive, &argoverse_noises[noise], poses, seed, &r);
        print_message("%s%s, %s: MOTA %.3f, %d switches; nearest %.3f, %d; %d objects throughout\n", name,
                      poses ? "" : " without poses", argoverse_noises[noise].name, mota_value(&r.ours),
                      (int)r.ours.switches, mota_value(&r.nearest), (int)r.nearest.switches, r.throughout);
        assert_true(mota_value(&r.ours) >= mota);
        assert_true(r.ours.switches <= switches);
        assert_true(r.ours.switches < r.nearest.switches);
        assert_true(noise < 2 || mota_value(&r.ours) > mota_value(&r.nearest) + 0.05);
        assert_int_equal(r.changed, 0); /* detected throughout: one id */
        assert_true(noise == 2 || r.throughout >= 10);
    }
}

static void better_than_the_nearest(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        char folder[1024];
        if (!glint_test_shared(logs[i].folder, folder, sizeof folder))
            skip();
        assert_true(argoverse_read(&drive, folder));
        for (int noise = 0; noise < 3; noise++)
            for (int poses = 0; poses < 2; poses++)
                check(logs[i].folder, noise, poses, logs[i].mota[noise], logs[i].switches[noise]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(better_than_the_nearest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
