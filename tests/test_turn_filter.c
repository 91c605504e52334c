/* tests/test_turn_filter.c - the filter of constant speed and turn rate. */
#include "track/turn_filter.h"
#include "tests/util.h"

enum { X = GLINT_TURN_X, Y, VX, VY, YAW, RATE, N };
#define PI 3.14159265358979323846

static const struct glint_turn_noise quiet = {1e-9, 1e-9, 0}, car = {2.0, 0.3, 0};

static double noise(uint64_t *seed, double sigma) /* of the sum of twelve even ones: near enough to normal */
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += (double)glint_test_uniform(seed, 0, 1);
    return sigma * sum;
}

/* Round a circle of 10 m/s and `rate`, seen ten times a second. */
static void drive(struct glint_turn_filter *f, double rate, double seconds, double sigma, uint64_t seed)
{
    const int n = (int)(10 * seconds);
    glint_turn_filter_init(f, 0, 0, 0, 0.3, 0.2, 12);
    for (int i = 0; i <= n; i++) {
        const double t = 0.1 * i, a = rate * t;
        if (i > 0)
            glint_turn_filter_predict(f, 0.1, &car);
        glint_turn_filter_place(f, 10 * sin(a) / rate + noise(&seed, sigma),
                                10 * (1 - cos(a)) / rate + noise(&seed, sigma), a, 0.25, 0.15);
        glint_turn_filter_yaw(f, a + noise(&seed, 0.05), 0.1);
        glint_turn_filter_slip(f, 0.3);
    }
}

static void a_bend_is_learned_and_gone_on_with(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 20; seed++) {
        struct glint_turn_filter f;
        const double rate = seed % 2 ? 0.3 : -0.3, end = 3 * rate, later = 4 * rate;
        drive(&f, rate, 3, 0.1, seed);
        assert_near(f.x[RATE], rate, 0.15);
        assert_near(hypot(f.x[VX], f.x[VY]), 10, 0.8);
        assert_near(f.x[X], 10 * sin(end) / rate, 0.3);
        for (int i = 0; i < 10; i++)
            glint_turn_filter_predict(&f, 0.1, &car);
        /* straight on it would be 1.5 m off */
        assert_near(f.x[X], 10 * sin(later) / rate, 0.9);
        assert_near(f.x[Y], 10 * (1 - cos(later)) / rate, 0.9);
    }
}

/* From a state known but for one number, what the others then vary by is the square of the slope. */
static void its_covariance_follows_the_slopes(void **state)
{
    (void)state;
    static const double rates[] = {0, 1e-6, 0.4, -2};
    for (int r = 0; r < 4; r++)
        for (int i = 0; i < N; i++) {
            struct glint_turn_filter f = {.x = {3, -2, 8, 5, 0.7, rates[r]}}, a = f, b = f;
            const double step = 1e-5;
            f.p[i][i] = 1;
            a.x[i] -= step;
            b.x[i] += step;
            glint_turn_filter_predict(&f, 0.3, &quiet);
            glint_turn_filter_predict(&a, 0.3, &quiet);
            glint_turn_filter_predict(&b, 0.3, &quiet);
            for (int k = 0; k < N; k++) {
                const double slope = (b.x[k] - a.x[k]) / (2 * step);
                assert_near(f.p[k][k], slope * slope, 1e-6);
            }
        }
}

static void one_turn_at_once_or_in_steps(void **state)
{
    (void)state;
    struct glint_turn_filter a = {.x = {0, 0, 6, 0, 0, 0.5}}, b = a;
    glint_turn_filter_predict(&a, 2, &quiet);
    for (int i = 0; i < 2000; i++)
        glint_turn_filter_predict(&b, 0.001, &quiet);
    for (int k = 0; k < N; k++)
        assert_near(a.x[k], b.x[k], 1e-9);
    assert_near(a.x[X], 6 * sin(1) / 0.5, 1e-12);
}

static void slip_turns_speed_into_the_heading(void **state)
{
    (void)state;
    struct glint_turn_filter f;
    for (int back = 0; back < 2; back++) { /* forward or backward */
        glint_turn_filter_init(&f, 0, 0, 0, 0.1, 0.01, 5);
        f.x[VX] = back ? -7 : 7;
        f.x[VY] = 2;
        glint_turn_filter_slip(&f, 0.1);
        assert_near(f.x[VX], back ? -7 : 7, 0.1);
        assert_near(f.x[VY], 0, 0.1);
    }
}

static void other_coordinates_are_the_same_thing(void **state)
{
    (void)state;
    struct glint_turn_filter a, b;
    drive(&a, 0.3, 2, 0.1, 5);
    b = a;
    const double turn = 1.1;
    glint_turn_filter_move(&b, turn, 100, -50);
    const double x = a.x[X] + 0.3, y = a.x[Y] - 0.2;
    const double there[2] = {cos(turn) * x - sin(turn) * y + 100, sin(turn) * x + cos(turn) * y - 50};
    assert_near(glint_turn_filter_distance(&a, x, y, 0.4, 0.3, 0.1, NULL),
                glint_turn_filter_distance(&b, there[0], there[1], 0.4 + turn, 0.3, 0.1, NULL), 1e-9);
    glint_turn_filter_predict(&a, 0.5, &car);
    glint_turn_filter_predict(&b, 0.5, &car);
    assert_near(b.x[X], cos(turn) * a.x[X] - sin(turn) * a.x[Y] + 100, 1e-9);
    assert_near(b.x[VX], cos(turn) * a.x[VX] - sin(turn) * a.x[VY], 1e-9);
}

/* Errors are as large as the filter believes: mean squared distance of two numbers is 2. */
static void it_knows_how_well_it_knows(void **state)
{
    (void)state;
    double sum = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct glint_turn_filter f;
        drive(&f, 0.2, 4, 0.2, seed * 77);
        sum += glint_turn_filter_distance(&f, 10 * sin(0.8) / 0.2, 10 * (1 - cos(0.8)) / 0.2, 0, 0, 0, NULL);
    }
    assert_true(sum / 300 > 0.7 && sum / 300 < 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bend_is_learned_and_gone_on_with),
        cmocka_unit_test(its_covariance_follows_the_slopes),
        cmocka_unit_test(one_turn_at_once_or_in_steps),
        cmocka_unit_test(slip_turns_speed_into_the_heading),
        cmocka_unit_test(other_coordinates_are_the_same_thing),
        cmocka_unit_test(it_knows_how_well_it_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
