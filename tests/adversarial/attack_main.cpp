// `attack`: a static program that works in any image (attack.h).
//
//   attack network                       every attack on the network; a line each
//   attack get HOST PORT                 prints what it gets; 1 where it gets nothing
//   attack ask udp|tcp HOST PORT TEXT    says it, prints what comes back; 1 where nothing does
//   attack hold HOST PORT                asks again and again over one connection, until it is cut
//   attack pull HOST PORT               takes /much until it is cut; prints how many bytes
//   attack say HOST PORT TEXT            a GET with the text as its Authorization; prints the body
//   attack serve PORT MS | dial PORT MS  neighbours; prints how many came, how many were reached
//   attack files                         makes what is no file; a line each
//   attack forks N | memory MIB          prints how many there could be
//   attack orphans N SECONDS             leaves processes behind that are deaf
//   attack flood MIB                     lines on STDOUT
//   attack disks                         prints how many of the machine's disks it can read

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/adversarial/attack.h"
#include "tests/adversarial/mischief.h"

namespace {

std::string text(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::uint16_t port(const std::string& digits) {
  return static_cast<std::uint16_t>(std::atoi(digits.c_str()));
}

int attack_network() {
  attack::Targets to;
  to.canary4 = text("ATTACK_CANARY4");
  to.canary6 = text("ATTACK_CANARY6");
  to.link_local = text("ATTACK_LINK_LOCAL");
  to.machine = text("ATTACK_MACHINE");
  to.bridge = text("ATTACK_BRIDGE");
  to.port = port(text("ATTACK_PORT"));
  to.good = text("ATTACK_GOOD");
  to.good_port = port(text("ATTACK_GOOD_PORT"));
  to.meta = text("ATTACK_META");
  for (const attack::Outcome& outcome : attack::try_all(to)) {
    std::printf("%s | %s | %s\n",
                outcome.part.c_str(),
                outcome.open ? "OPEN" : "blocked",
                outcome.how.c_str());
  }
  std::puts("all tried");
  return 0;
}

/// The part that needs no network; -1 where the words say something else.
int do_mischief(const std::string& what, int argc, char** argv) {
  if (what == "files" && argc == 2) {
    for (const std::string& line : attack::odd_files()) {
      std::puts(line.c_str());
    }
    return 0;
  }
  if (what == "forks" && argc == 3) {
    std::printf("forked %d\n", attack::fork_idlers(std::atoi(argv[2])));
    return 0;
  }
  if (what == "memory" && argc == 3) {
    std::printf("filled %d\n", attack::fill_memory(std::atoi(argv[2])));
    return 0;
  }
  if (what == "orphans" && argc == 4) {
    std::printf("left %d\n", attack::leave_behind(std::atoi(argv[2]), std::atoi(argv[3])));
    return 0;
  }
  if (what == "disks" && argc == 2) {
    std::printf("disks %d\n", attack::open_disks());
    return 0;
  }
  if (what == "flood" && argc == 3) {
    attack::flood(std::atoi(argv[2]));
    return 0;
  }
  return -1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "network") {
    return attack_network();
  }
  if (what == "get" && argc == 4) {
    const attack::Fetched fetched = attack::fetch(argv[2], port(argv[3]), "");
    std::fputs((fetched.text + (fetched.ok ? "" : "\n")).c_str(), stdout);
    return fetched.ok ? 0 : 1;
  }
  if (what == "say" && argc == 5) {
    const attack::Fetched fetched = attack::fetch(argv[2], port(argv[3]), argv[4]);
    std::fputs((fetched.text + (fetched.ok ? "" : "\n")).c_str(), stdout);
    return fetched.ok ? 0 : 1;
  }
  if (what == "ask" && argc == 6) {
    const bool udp = std::string(argv[2]) == "udp";
    const attack::Fetched answer = attack::ask(udp, argv[3], port(argv[4]), argv[5]);
    std::puts(answer.text.c_str());
    return answer.ok ? 0 : 1;
  }
  if (what == "hold" && argc == 4) {
    std::printf("answers %d\n", attack::hold(argv[2], port(argv[3])));
    return 0;
  }
  if (what == "pull" && argc == 4) {
    std::printf("pulled %lld\n", static_cast<long long>(attack::pull(argv[2], port(argv[3]))));
    return 0;
  }
  if (what == "serve" && argc == 4) {
    std::printf("visitors %d\n", attack::serve(port(argv[2]), std::atoi(argv[3])));
    return 0;
  }
  if (what == "dial" && argc == 4) {
    std::printf("reached %d\n", attack::dial_neighbours(port(argv[2]), std::atoi(argv[3])));
    return 0;
  }
  if (const int done = do_mischief(what, argc, argv); done >= 0) {
    return done;
  }
  std::fputs("usage: attack WHAT …, see attack_main.cpp\n", stderr);
  return 2;
}
