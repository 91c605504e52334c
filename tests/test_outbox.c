/* tests/test_outbox.c */
#include "tests/util.h"
#include "serve/outbox.h"

static struct glint_message *made(const char *text)
{
    struct glint_message *m = glint_message_text(text, strlen(text));
    assert_non_null(m);
    return m;
}

/* Takes a whole message in pieces of at most `cap` bytes. */
static size_t take(struct glint_outbox *o, size_t cap, char *out)
{
    struct glint_outbox_piece piece;
    size_t n = 0;
    do {
        if (!glint_outbox_take(o, (uint8_t *)out + n, cap, &piece))
            return 0;
        assert_int_equal(piece.is_first, n == 0);
        assert_true(piece.size <= cap);
        n += piece.size;
    } while (!piece.is_last);
    out[n] = 0;
    return n;
}

static void pieces_are_the_message(void **state)
{
    (void)state;
    static const uint8_t prefix[3] = {'a', 'b', 'c'};
    char got[64];
    for (size_t cap = 4; cap < 20; cap++) {
        struct glint_outbox o = {0};
        glint_outbox_newest(&o, 2, made("0123456789"), prefix, 3);
        assert_true(glint_outbox_waits(&o));
        assert_int_equal(take(&o, cap, got), 13);
        assert_string_equal(got, "abc0123456789");
        assert_false(glint_outbox_waits(&o));
        glint_outbox_newest(&o, 2, made(""), NULL, 0);
        struct glint_outbox_piece piece;
        assert_true(glint_outbox_take(&o, (uint8_t *)got, cap, &piece));
        assert_true(piece.is_first && piece.is_last && piece.size == 0);
        glint_outbox_fini(&o);
    }
    assert_int_equal(glint_message_sum(), 0);
}

static void newest_wins_words_stay(void **state)
{
    (void)state;
    struct glint_outbox o = {0};
    char got[64];
    glint_outbox_newest(&o, 0, made("one"), NULL, 0);
    glint_outbox_newest(&o, 0, made("two"), NULL, 0);
    glint_outbox_newest(&o, 1, made("other"), NULL, 0);
    assert_true(glint_outbox_word(&o, made("first")));
    assert_true(glint_outbox_word(&o, made("second")));
    static const char *const want[] = {"first", "second", "two", "other"};
    for (int i = 0; i < 4; i++) {
        assert_true(take(&o, 64, got) > 0);
        assert_string_equal(got, want[i]);
    }
    assert_int_equal(o.n_sent, 2);
    assert_int_equal(o.n_dropped, 1);
    glint_outbox_fini(&o);
}

/* A topic that has a new message whenever it is asked does not starve the others. */
static void topics_take_turns(void **state)
{
    (void)state;
    struct glint_outbox o = {0};
    char got[64];
    int others = 0;
    for (int i = 0; i < 10; i++) {
        glint_outbox_newest(&o, 0, made("busy"), NULL, 0);
        glint_outbox_newest(&o, 7, made("rare"), NULL, 0);
        assert_true(take(&o, 64, got) > 0);
        others += strcmp(got, "rare") == 0;
    }
    assert_int_equal(others, 5);
    glint_outbox_fini(&o);
}

static void words_are_bounded(void **state)
{
    (void)state;
    struct glint_outbox o = {0};
    for (int i = 0; i < GLINT_OUTBOX_WORDS; i++)
        assert_true(glint_outbox_word(&o, made("word")));
    assert_false(glint_outbox_word(&o, made("too many")));
    assert_false(glint_outbox_word(&o, NULL));
    glint_outbox_fini(&o);
    assert_int_equal(glint_message_sum(), 0);
    assert_null(glint_message_new(GLINT_MESSAGE_SUM_CAP + 1, false));
    assert_int_equal(glint_message_sum(), 0);
}

/* What is on its way is sent whole, whatever comes or goes meanwhile. */
static void sending_is_finished(void **state)
{
    (void)state;
    struct glint_outbox o = {0};
    struct glint_outbox_piece piece;
    uint8_t got[64];
    glint_outbox_newest(&o, 0, made("0123456789"), NULL, 0);
    assert_true(glint_outbox_take(&o, got, 4, &piece));
    glint_outbox_newest(&o, 0, made("new"), NULL, 0);
    glint_outbox_forget(&o, 0);
    assert_true(glint_outbox_word(&o, made("word")));
    assert_true(glint_outbox_take(&o, got + 4, 60, &piece));
    assert_true(piece.is_last && !piece.is_first);
    assert_memory_equal(got, "0123456789", 10);
    glint_outbox_fini(&o);
    assert_int_equal(glint_message_sum(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_the_message), cmocka_unit_test(newest_wins_words_stay),
        cmocka_unit_test(topics_take_turns), cmocka_unit_test(words_are_bounded),
        cmocka_unit_test(sending_is_finished)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
