#pragma once

// What the runner and pipe-init say to each other. Included by both; holds no code of its own,
// since pipe-init is linked without the C++ library.
//
// Spec (a memfd that `run` reads from --spec, and the keeper from the descriptor that comes with a
// Start): texts, each ended by a NUL. First the working directory ("" stays where it is), then
// five lists, each preceded by its length in decimal: the environment as NAME=value, the cgroup
// folders to join, the names to prove (Egress; none where the network has no door), secret files
// (name, content, name, content, …), the argument list.
//
// Attached (--attached, in a container of Docker or Podman): over standard input come the sizes of
// the spec, of a system call filter (BPF; 0 none) and of an end mark in decimal, blanks between
// them and a newline after them, then all three; standard input is the control afterwards. Until
// then pipe-init waits. Both streams of the command are standard output, the report is standard
// error, and before it comes one more line, where the container's own cgroup can be read:
//   memory PEAK KILLS      bytes, 0 unknown; how many processes were killed for the memory limit
// (and the lines of denied operations, see Permissions). When nothing of the job runs any more the
// end mark is the last of standard output: with it and the report, all has been said, long before
// an engine tells that the container is gone. The job cannot know it, or say it for us.
// Then what follows `--` are the folders that the job may write to. With --user WHO (person.h) they
// become theirs first, and so does the command; with --owner UID:GID they become this owner's when
// nothing of the job runs any more, whoever it made its files as.
//
// Control (--control): the byte kTerm sends TERM to the whole tree of the job; kKill, or the end of
// the stream, kills it at once. So a job dies when its runner dies, whatever the engine.
//
// Report (--status): one line, once, when the command has ended and before pipe-init itself does:
//   exited N               its exit status, 0..255
//   signalled N            the signal that ended it
//   exec-failed E NAME     it could not be executed; E is an errno
//   no-directory E NAME    its working directory could not be entered; E is an errno
//   no-user E NAME         the container knows nobody of that name (ENOENT), or has no such number
//   no-filter E NAME       the system call filter could not be installed: not the command's fault
//   no-egress E NAME       its network does not keep to the firewall (see Egress): what was proven
//   no-secrets E NAME      a secret's file could not be written: not the command's fault
//   no-cgroup E NAME       a cgroup could not be joined: not the command's fault
// The exit status of pipe-init is N, 128+N, 127 (ENOENT) or 126 accordingly. It is 125, with a line
// on standard error and no report, when pipe-init itself could not do its part.

// Egress (`new-network` and `lead-network --egress FD`): FD is connected to a door of the gateway
// (SOCK_SEQPACKET). The namespace gets the address 198.18.0.1 and a route that makes all of
// 198.18.0.0/15 local (with --every-address all of IPv4), and pipe-init sends one message over FD:
// as data the ports (EgressPort) of --port and --datagram-port, as descriptors a UDP socket on
// 127.0.0.1:53, a listening TCP socket on port 53 of every address, and one for each port, also of
// every address: a listening one, or UDP with IP_PKTINFO. The gateway says kServed when it serves
// them. A job proves it before its command starts: the first name to prove must be refused, every
// other one must be answered with an address, and any other address must have no route, or be the
// namespace's own.

// Permissions: in the folder kPermissionFolder, which no job can write to, are
//   rules                  lines "allow WORD…" and "deny WORD…", an empty line, and the message
//   bin/NAME               for each program that a rule names a script whose interpreter is
//                          `/.pipe-init permit:NAME`; the folder is the first of the job's PATH
// Such a script also lies over the programs and files that are denied whole, where the engine can
// see which these are. `permit` executes the next program of that name, or prints the message, ends
// with kExitNotExecutable and tells process 1, which binds the abstract socket kPermissionSocket.
// For each denied operation, once, that sends a line before its report:
//   denied N WORD…         N is the number of the line in `rules`, or kNotAllowed

#include <stdint.h>

namespace runner::init {

inline constexpr char kTerm = 'T';
inline constexpr char kKill = 'K';

inline constexpr int kExitMissing = 127;
inline constexpr int kExitNotExecutable = 126;
inline constexpr int kExitBroken = 125;

/// To the keeper (a SOCK_SEQPACKET socket on --control), one a message. A Start brings two
/// descriptors: the spec, and where the job's output goes. The keeper answers "<job> <report>" when
/// nothing of that job runs any more.
struct KeeperRequest {
  enum Kind : uint32_t { Start, Term, Kill };
  uint32_t job;  // number that the runner chose
  Kind kind;
};

/// Where a job finds its secret files; made by pipe-init `run`, in memory.
inline constexpr char kSecretFolder[] = "/dev/shm/pipe-secrets";

inline constexpr char kPermissionFolder[] = "/.pipe-permissions";
inline constexpr char kPermissionRules[] = "/.pipe-permissions/rules";
inline constexpr char kPermissionPrograms[] = "/.pipe-permissions/bin";
inline constexpr char kPermissionSocket[] = "pipe-permissions";  // after a NUL
inline constexpr char kPermit[] = "permit:";
inline constexpr int kNotAllowed = 9999;      // other rules name the program, none this operation
inline constexpr int kMostDenials = 32;       // that a job tells of
inline constexpr int kLongestDenial = 1'000;  // bytes; what follows the last whole word is left out

inline constexpr uint16_t kDnsPort = 53;
inline constexpr int kMostEgressPorts = 250;  // with the two for names they fit one message
inline constexpr uint16_t kStreams = 0;       // TCP
inline constexpr uint16_t kDatagrams = 1;     // UDP
struct EgressPort {
  uint16_t number;  // host order
  uint16_t kind;
};
inline constexpr char kServed = 'S';

/// Exit codes of `pipe-init http` and `pipe-init wait-tcp`.
inline constexpr int kHttpAnswered = 0;       // whatever the status was
inline constexpr int kHttpNoAnswer = 1;       // connected, but no whole answer in time
inline constexpr int kHttpUsage = 2;          // the URL is not one that it can ask
inline constexpr int kHttpNotConnected = 7;   // nothing accepts there
inline constexpr int kHttpBodyCap = 1 << 20;  // bytes of a body that are printed; the rest is not

}  // namespace runner::init
