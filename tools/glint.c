/* tools/glint.c - the program: chooses the command. Data goes to stdout, words to stderr. */
#define _POSIX_C_SOURCE 200809L
#include "ros/source_bag.h"
#include "tools/commands.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct glint_command *const commands[] = {
    &glint_cmd_run,    &glint_cmd_live,  &glint_cmd_decode,    &glint_cmd_record,
    &glint_cmd_replay, &glint_cmd_info,  &glint_cmd_calibrate, &glint_cmd_import,
    &glint_cmd_check,  &glint_cmd_bench, &glint_cmd_trace,     &glint_cmd_eval,
    &glint_cmd_serve,  &glint_cmd_view,  &glint_cmd_sim,       &glint_cmd_doctor};
#define N_COMMANDS ((int)(sizeof commands / sizeof commands[0]))

static void help(FILE *out)
{
    fprintf(out, "glint - LiDAR packets and scans in, 3D boxes and point masks out\n\n"
                 "usage: glint COMMAND [options]\n\ncommands:\n");
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->help);
    fprintf(out, "\nglint COMMAND --help tells more; glint --version the version.\n\nexample:\n"
                 "  glint run drive.pcap --out boxes.jsonl --out 'bev_%%06d.png'\n");
}

static int no_such_command(const char *given)
{
    const char *names[N_COMMANDS];
    for (int i = 0; i < N_COMMANDS; i++)
        names[i] = commands[i]->name;
    const char *near = glint_nearest_name(given, names, N_COMMANDS);
    if (near)
        glint_say("no such command: %s, did you mean %s? (see glint --help)", given, near);
    else
        glint_say("no such command: %s (see glint --help)", given);
    return GLINT_EXIT_USAGE;
}

/* What was printed must have arrived: a full disk or a closed pipe is a failure. */
static int finish(int code)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == GLINT_EXIT_OK) {
        glint_say("standard output: cannot write");
        return GLINT_EXIT_FAILED;
    }
    return code;
}

/* A standard stream that is closed would give its number to the first file opened, and words would go into
 * it. Opened the wrong way round it stays what it was: reading and writing fail. */
static void keep_standard_streams(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd ? O_RDONLY : O_WRONLY) != fd)
            _exit(GLINT_EXIT_FAILED);
}

int main(int argc, char **argv)
{
    keep_standard_streams();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error of write, as a full disk is */
    glint_log_to_stderr(true);
    glint_ros_add_sources();
    if (argc < 2) {
        help(stderr);
        return GLINT_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        help(stdout);
        return finish(GLINT_EXIT_OK);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("glint %s\n", GLINT_VERSION);
        return finish(GLINT_EXIT_OK);
    }
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            return finish(commands[i]->run(commands[i], argc - 1, argv + 1));
    return no_such_command(argv[1]);
}
