/* serve/client_page.c - the protocol "glint.v1", which the page speaks.
 *
 * Words are JSON objects with a member "op". From here: "hello" once, "state" every second,
 * {"op":"instead","wanted":12,"frame":13} before a frame where there is no 12. From the page:
 * {"op":"frames","on":true} asks for every frame from now on (live), {"op":"want","frame":12} for one frame
 * of a log. Frames are binary (page_frame.h). */
#include "serve/hub.h"
#include "serve/page_frame.h"

#define TOPIC_FRAME 0

static void put_names(struct glint_json_writer *w, const char *key, const char *const *names, int32_t n)
{
    glint_json_put_array(w, key);
    for (int32_t i = 0; i < n; i++)
        glint_json_put_text(w, NULL, names[i]);
    glint_json_put_end(w);
}

static void hello(struct glint_client *c)
{
    const struct glint_server *s = c->server;
    const struct glint_sink_context *context = glint_server_context(s);
    struct glint_json_writer w;
    glint_json_writer_init(&w, 0);
    glint_json_put_object(&w, NULL);
    glint_json_put_text(&w, "op", "hello");
    glint_json_put_i64(&w, "version", 1);
    glint_json_put_text(&w, "session", s->session);
    glint_json_put_text(&w, "title", s->title);
    glint_json_put_text(&w, "mode", s->settings.shelf ? "log" : "live");
    put_names(&w, "classes", context->classes, context->n_classes);
    put_names(&w, "point_classes", context->point_classes, context->n_point_classes);
    glint_json_put_array(&w, "stages");
    for (int i = 0; i < GLINT_STAGE_COUNT; i++)
        glint_json_put_text(&w, NULL, glint_stage_name((enum glint_stage)i));
    glint_json_put_end(&w);
    glint_json_put_end(&w);
    glint_client_text(c, &w);
}

static void put_log(struct glint_json_writer *w, struct glint_shelf *shelf)
{
    struct glint_shelf_state s;
    glint_shelf_state(shelf, &s);
    glint_json_put_object(w, "log");
    glint_json_put_i64(w, "frames", (int64_t)s.n_known);
    glint_json_put_bool(w, "complete", s.complete);
    glint_json_put_f64(w, "progress", s.progress);
    glint_json_put_i64(w, "kept", (int64_t)s.n_kept);
    glint_json_put_i64(w, "bytes", (int64_t)s.bytes);
    glint_json_put_i64(w, "budget", (int64_t)s.budget);
    glint_json_put_i64(w, "seconds_ns", s.last_stamp_ns - s.first_stamp_ns);
    glint_json_put_end(w);
}

static void put_state(struct glint_client *c)
{
    const struct glint_server *s = c->server;
    struct glint_json_writer w;
    glint_json_writer_init(&w, 0);
    glint_json_put_object(&w, NULL);
    glint_json_put_text(&w, "op", "state");
    glint_json_put_i64(&w, "sent", (int64_t)c->out.n_sent);
    glint_json_put_i64(&w, "dropped", (int64_t)c->out.n_dropped);
    glint_json_put_i64(&w, "clients", (int64_t)s->counts.clients_page + (int64_t)s->counts.clients_foxglove);
    if (s->settings.shelf)
        put_log(&w, s->settings.shelf);
    glint_json_put_end(&w);
    glint_client_text(c, &w);
}

/* Not while words wait: who does not read would have them pile up. */
static void each_second(struct glint_client *c)
{
    if (c->out.n_words == 0)
        put_state(c);
}

static void client_open(struct glint_client *c)
{
    hello(c);
    put_state(c);
}

void glint_client_page_instead(struct glint_client *c, uint64_t index)
{
    struct glint_json_writer w;
    glint_json_writer_init(&w, 0);
    glint_json_put_object(&w, NULL);
    glint_json_put_text(&w, "op", "instead");
    glint_json_put_i64(&w, "wanted", (int64_t)c->wanted);
    glint_json_put_i64(&w, "frame", (int64_t)index);
    glint_json_put_end(&w);
    glint_client_text(c, &w);
}

static bool want(struct glint_client *c, struct glint_json root)
{
    double index;
    if (glint_json_f64(root, "frame", 0, 1e15, &index) < 0)
        return false;
    if (!c->server->settings.shelf)
        return true; /* live: nothing to choose from */
    c->wanted = (uint64_t)index;
    c->waits = true;
    glint_shelf_want(c->server->settings.shelf, c->wanted);
    glint_server_deliver(c->server);
    return true;
}

static bool obey(struct glint_client *c, struct glint_json root)
{
    const char *op;
    if (glint_json_string(root, "op", &op) < 0)
        return false;
    if (strcmp(op, "frames") == 0)
        return glint_json_bool(root, "on", &c->wants_frames) == GLINT_OK;
    if (strcmp(op, "want") == 0)
        return want(c, root);
    return glint_fail(GLINT_E_FORMAT, "unknown op") == GLINT_OK;
}

static bool word(struct glint_client *c, const char *text, size_t size, bool is_text)
{
    struct glint_json_doc *doc;
    if (!is_text)
        return glint_fail(GLINT_E_FORMAT, "text is wanted") == GLINT_OK;
    if (glint_json_parse("message", text, size, &doc) < 0)
        return false;
    const bool good = obey(c, glint_json_root(doc));
    glint_json_close(doc);
    return good;
}

static bool wants(const struct glint_client *c)
{
    return c->wants_frames;
}

static void frame(struct glint_server *s, const struct glint_frame *f)
{
    struct glint_message *m = NULL;
    for (struct glint_client *c = s->clients; c; c = c->next) {
        if (c->ops != &glint_client_page || !c->wants_frames)
            continue;
        if (!m && !(m = glint_page_frame(f, glint_server_context(s))))
            return;
        glint_client_newest(c, TOPIC_FRAME, glint_message_ref(m), NULL, 0);
    }
    glint_message_unref(m);
}

const struct glint_client_ops glint_client_page = {"page", client_open, word, wants, frame, each_second};
