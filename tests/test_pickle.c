/* tests/test_pickle.c - values that are read, programs that are refused, and by what name. */
#include "tests/util.h"
#include "tests/archive_made.h"
#include "convert/pickle.h"
#include "core/status.h"

/* A string with zeros inside as bytes and size. */
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static struct glint_pickle read_pickle(const uint8_t *bytes, size_t size)
{
    struct glint_pickle p;
    if (glint_pickle_read(&p, "p", 0, bytes, size, NULL) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    return p;
}

static const struct glint_pickle_value *root(const struct glint_pickle *p)
{
    return &p->values[p->root];
}

static void refused(const uint8_t *bytes, size_t size, const char *reason)
{
    struct glint_pickle p;
    uint8_t *block = malloc(size);
    memcpy(block, bytes, size);
    const int status = glint_pickle_read(&p, "p", 0, block, size, NULL);
    if (status != GLINT_E_FORMAT || !strstr(glint_error_text(), reason))
        fail_msg("%s: \"%s\" expected in \"%s\"", glint_status_name(status), reason,
                 status < 0 ? glint_error_text() : "");
    free(block);
}

static void numbers_and_texts(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        int64_t want;
    } ints[] = {
        {"\x80\2K\xff.", 5, 255},
        {"\x80\2M\1\2.", 6, 513},
        {"\x80\2J\xfe\xff\xff\xff.", 8, -2},
        {"\x80\2\x8a\0.", 5, 0},
        {"\x80\2\x8a\1\x80.", 6, -128},
        {"\x80\2\x8a\3\0\0\1.", 8, 65536},
        {"\x80\2\x8a\x8\xff\xff\xff\xff\xff\xff\xff\x7f.", 13, INT64_MAX},
        {"\x80\2\x8b\2\0\0\0\xff\x7f.", 10, 32767},
    };
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        struct glint_pickle p = read_pickle((const uint8_t *)ints[i].bytes, ints[i].size);
        assert_int_equal(root(&p)->type, GLINT_PICKLE_INT);
        assert_true(root(&p)->as.i == ints[i].want);
        glint_pickle_close(&p);
    }
    struct glint_pickle p = read_pickle(BYTES("\x80\2G\xbf\xf8\0\0\0\0\0\0."));
    assert_true(root(&p)->type == GLINT_PICKLE_FLOAT && root(&p)->as.f == -1.5);
    glint_pickle_close(&p);
    p = read_pickle(BYTES("\x80\4\x95\5\0\0\0\0\0\0\0\x8c\3abc\x94."));
    assert_true(glint_pickle_is(root(&p), "abc") && !glint_pickle_is(root(&p), "ab"));
    glint_pickle_close(&p);
    p = read_pickle(BYTES("\x80\2\x8a\x9\1\2\3\4\5\6\7\x8\x9."));
    assert_true(root(&p)->type == GLINT_PICKLE_LONG && root(&p)->count == 9);
    glint_pickle_close(&p);
}

/* {'a': [1, 2], 'b': ('x', None, True), 'a': 7} through the memo */
static void containers_and_memo(void **state)
{
    (void)state;
    struct glint_pickle p = read_pickle(BYTES("\x80\2}q\0(X\1\0\0\0aq\1]q\2(K\1K\2eX\1\0\0\0b"
                                              "X\1\0\0\0xN\x88\x87h\1K\7u."));
    const struct glint_pickle_value *dict = root(&p);
    assert_int_equal(dict->count, 3);
    assert_true(glint_pickle_get(&p, dict, "a")->as.i == 7); /* the last one */
    const struct glint_pickle_value *tuple = glint_pickle_get(&p, dict, "b");
    assert_true(tuple->type == GLINT_PICKLE_TUPLE && tuple->count == 3);
    assert_null(glint_pickle_get(&p, dict, "c"));
    assert_null(glint_pickle_get(&p, tuple, "a"));
    glint_pickle_close(&p);
    p = read_pickle(BYTES("\x80\2]q\0h\0a.")); /* a list in itself */
    assert_int_equal(p.cells[root(&p)->head].value, p.root);
    glint_pickle_close(&p);
}

static void tensors(void **state)
{
    (void)state;
    const struct made_tensor t = {.key = "7",
                                  .dtype = GLINT_DTYPE_F16,
                                  .n = 10,
                                  .offset = 1,
                                  .n_dims = 2,
                                  .shape = {3, 2},
                                  .stride = {3, 1}};
    struct made m = {0};
    made_add(&m, "\x80\2", 2);
    made_global(&m, "torch._utils", "_rebuild_parameter");
    made_byte(&m, '(');
    made_pickled_tensor(&m, &t, false);
    made_byte(&m, 0x88);
    made_global(&m, "collections", "OrderedDict");
    made_add(&m, ")RtR.", 5);
    struct glint_pickle p = read_pickle(m.data, m.n);
    assert_int_equal(root(&p)->type, GLINT_PICKLE_TENSOR);
    const struct glint_pickle_tensor *got = &p.tensors[root(&p)->as.i];
    assert_true(got->n_dims == 2 && got->shape[0] == 3 && got->stride[0] == 3 && got->offset == 1);
    assert_true(p.storages[got->storage].dtype == GLINT_DTYPE_F16 && p.storages[got->storage].n == 10);
    assert_memory_equal(p.storages[got->storage].key, "7", 1);
    glint_pickle_close(&p);
    made_free(&m);
}

/* numpy.float64(0.5) and int64(-2), as protocol 2 writes them; ordered dicts with _metadata */
static void scalars_and_metadata(void **state)
{
    (void)state;
    struct glint_pickle p =
        read_pickle(BYTES("\x80\2cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\2\0\0\0f8\x89\x88\x87R"
                          "(K\3X\1\0\0\0<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
                          "c_codecs\nencode\nX\x9\0\0\0\0\0\0\0\0\0\xc3\xa0?X\6\0\0\0latin1\x86R\x86R."));
    assert_true(root(&p)->type == GLINT_PICKLE_FLOAT && root(&p)->as.f == 0.5);
    glint_pickle_close(&p);
    p = read_pickle(BYTES("\x80\3cnumpy._core.multiarray\nscalar\ncnumpy\ndtype\nX\2\0\0\0i8\x89\x88\x87R"
                          "C\x8\xfe\xff\xff\xff\xff\xff\xff\xff\x86R."));
    assert_true(root(&p)->as.f == -2.0);
    glint_pickle_close(&p);
    p = read_pickle(BYTES("\x80\2"
                          "ccollections\nOrderedDict\n)R}X\x9\0\0\0_metadata"
                          "ccollections\nOrderedDict\n)Rsb."));
    glint_pickle_close(&p);
}

static void strange_programs_are_refused_by_name(void **state)
{
    (void)state;
    refused(BYTES("\x80\2"
                  "cposix\nsystem\nX\2\0\0\0ls\x85R."),
            "global posix.system is refused");
    refused(BYTES("\x80\2"
                  "cos\nsystem\n."),
            "offset 2: global os.system");
    refused(BYTES("\x80\4\x8c\x8"
                  "builtins\x8c\4eval\x93\x8c\1x\x85R."),
            "global builtins.eval");
    refused(BYTES("\x80\2"
                  "c__builtin__\nexec\n."),
            "__builtin__.exec");
    refused(BYTES("\x80\2"
                  "cnumpy.core.multiarray\n_reconstruct\n."),
            "numpy.core.multiarray._reconstruct");
    refused(BYTES("\x80\2"
                  "ctorch.storage\n_load_from_bytes\n."),
            "torch.storage._load_from_bytes");
    refused(BYTES("\x80\2"
                  "ctorch._utils\n_rebuild_tensor_v2.evil\n."),
            "_rebuild_tensor_v2.evil");
    refused(BYTES("\x80\2"
                  "ca\x1b[2J\nb\n."),
            "global a?[2J.b");
    refused(BYTES("\x80\2(ios\nsystem\n."), "opcode INST");
    refused(BYTES("\x80\2(o."), "opcode OBJ");
    refused(BYTES("\x80\2)\x81."), "opcode NEWOBJ");
    refused(BYTES("\x80\2\x82\1."), "opcode EXT1");
    refused(BYTES("\x80\2P1\n."), "opcode PERSID");
    refused(BYTES("\x80\2I1\n."), "opcode INT");
    refused(BYTES("\x80\2N0."), "opcode POP");
    refused(BYTES("\x80\2\x8f."), "opcode EMPTY_SET");
    refused(BYTES("\x80\2\xff."), "opcode that is none (0xff)");
    refused(BYTES("\x80\1N."), "protocol 1");
    refused(BYTES("(lp0\n."), "protocol 2 to 5 expected");
    refused(BYTES("\x80\2"
                  "ctorch\nFloatStorage\n)R."),
            "call of torch.FloatStorage");
    refused(BYTES("\x80\2X\1\0\0\0a)R."), "REDUCE");
    refused(BYTES("\x80\2]}X\1\0\0\0aNsb."), "BUILD of a list");
    refused(BYTES("\x80\2}}X\1\0\0\0aNsb."), "_metadata alone");
    refused(BYTES("\x80\2"
                  "c_codecs\nencode\nX\1\0\0\0aX\4\0\0\0zlib\x86R."),
            "_codecs.encode");
    refused(BYTES("\x80\2"
                  "cnumpy\ndtype\nX\1\0\0\0O\x89\x88\x87R."),
            "numpy.dtype: one of plain numbers");
}

static void broken_programs_are_refused(void **state)
{
    (void)state;
    refused(BYTES("\x80\2"), "cut short");
    refused(BYTES("\x80\2."), "0 values at the end");
    refused(BYTES("\x80\2NN."), "2 values at the end");
    refused(BYTES("\x80\2(N."), "at the end");
    refused(BYTES("\x80\2t."), "TUPLE without MARK");
    refused(BYTES("\x80\2N\x86."), "a tuple of 2");
    refused(BYTES("\x80\2}(NNNu."), "a key without a value");
    refused(BYTES("\x80\2](Nu."), "SETITEMS: a dict expected");
    refused(BYTES("\x80\2NNa."), "APPEND: a list expected");
    refused(BYTES("\x80\2](a."), "APPEND of an empty stack");
    refused(BYTES("\x80\2h\5."), "nothing at place 5");
    refused(BYTES("\x80\2q\5."), "BINPUT of an empty stack");
    refused(BYTES("\x80\2Nr\xff\xff\xff\xff."), "place 4294967295 of the memo");
    refused(BYTES("\x80\2X\xff\xff\xff\xff."), "BINUNICODE needs 4294967295 bytes");
    refused(BYTES("\x80\4\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), "BINUNICODE8 needs");
    refused(BYTES("\x80\2cos"), "without the end of a name");
}

static void bad_tensor(struct made_tensor t, const char *reason)
{
    struct made m = {0};
    made_add(&m, "\x80\2", 2);
    made_pickled_tensor(&m, &t, false);
    made_byte(&m, '.');
    refused(m.data, m.n, reason);
    made_free(&m);
}

static void tensors_must_lie_in_their_storage(void **state)
{
    (void)state;
    struct made_tensor t = {
        .key = "0", .dtype = GLINT_DTYPE_F32, .n = 6, .n_dims = 2, .shape = {2, 3}, .stride = {3, 1}};
    struct made_tensor bad = t;
    bad.offset = 1;
    bad_tensor(bad, "element 6 of a storage of 6");
    bad.offset = -1;
    bad_tensor(bad, "begins at element -1");
    bad = t;
    bad.stride[0] = 4;
    bad_tensor(bad, "storage of 6");
    bad.stride[0] = INT64_MAX;
    bad_tensor(bad, "reaches beyond");
    bad.stride[0] = -3;
    bad_tensor(bad, "stride of -3");
    bad = t;
    bad.shape[0] = INT64_MAX;
    bad_tensor(bad, "more elements than its storage");
    bad.shape[0] = 1000;
    bad.stride[0] = 0;
    bad_tensor(bad, "they overlap");
    bad = t;
    bad.n = INT64_MAX;
    bad_tensor(bad, "storage of 9223372036854775807 elements");
    bad.n = -1;
    bad_tensor(bad, "storage of -1 elements");
    bad = t;
    bad.n = 5;
    bad_tensor(bad, "storage of 5");
}

/* Programs that would grow: repeated until a bound says no, in little memory. */
static void growth_is_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *unit, *reason;
    } bombs[] = {{"N", "more than"}, {"(", "nested deeper"}, {"N\x85", "more than"}, {"]", "more than"}};
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        struct made m = {0};
        made_add(&m, "\x80\2", 2);
        for (int k = 0; k < 1200000; k++)
            made_add(&m, bombs[i].unit, strlen(bombs[i].unit));
        refused(m.data, m.n, bombs[i].reason);
        made_free(&m);
    }
    struct made m = {0}; /* a list doubled by itself: references, no copies */
    made_add(&m, "\x80\2]q\0", 5);
    for (int k = 0; k < 1200000; k++)
        made_add(&m, "h\0a", 3);
    made_byte(&m, '.');
    refused(m.data, m.n, "more than");
    made_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_texts),
        cmocka_unit_test(containers_and_memo),
        cmocka_unit_test(tensors),
        cmocka_unit_test(scalars_and_metadata),
        cmocka_unit_test(strange_programs_are_refused_by_name),
        cmocka_unit_test(broken_programs_are_refused),
        cmocka_unit_test(tensors_must_lie_in_their_storage),
        cmocka_unit_test(growth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
