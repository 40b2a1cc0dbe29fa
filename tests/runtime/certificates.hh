// Certificates for a test, made with the openssl program in a directory of their own, which goes with this.
#pragma once

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "runtime/tls_context.hh"

namespace runtime {

class certificates {
 public:
  certificates() : directory_((std::filesystem::temp_directory_path() / "certificates.XXXXXX").string()) {
    if (mkdtemp(directory_.data()) == nullptr) throw std::runtime_error(directory_);
    make_authority("ca");
  }
  ~certificates() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  certificates(certificates const&) = delete;
  certificates& operator=(certificates const&) = delete;

  [[nodiscard]] std::string path(std::string const& name) const { return directory_ + "/" + name; }

  void make_authority(std::string const& name) const {
    run("req -x509 " + new_key(name) + " -out " + path(name + ".pem") + " -subj '/O=Quorate/CN=" + name + "' -days 10");
  }
  // NAME.pem and NAME.key. `names` as OpenSSL takes them, "DNS:localhost,IP:127.0.0.1"; days below 0: expired so long ago.
  void issue(std::string const& name, std::string const& names, int days = 10, std::string const& by = "ca",
             std::string const& more = "") const {
    run("req -new " + new_key(name) + " -out " + path(name + ".csr") + " -subj '/O=Quorate/CN=" + name +
        "' -addext 'subjectAltName=" + names + "'" + (more.empty() ? "" : " -addext '" + more + "'"));
    run("x509 -req -in " + path(name + ".csr") + " -CA " + path(by + ".pem") + " -CAkey " + path(by + ".key") +
        " -CAcreateserial -copy_extensions copy -days " + std::to_string(days) + " -out " + path(name + ".pem"));
  }
  // Puts it into crl.pem.
  void revoke(std::string const& name) const {
    std::ofstream(path("issued")) << "";
    std::ofstream(path("ca.cnf")) << "[ca]\ndefault_ca = a\n[p]\n[a]\ndefault_md = sha256\npolicy = p\ndatabase = "
                                  << path("issued") << "\n";
    std::string const as_authority =
        "ca -config " + path("ca.cnf") + " -keyfile " + path("ca.key") + " -cert " + path("ca.pem");
    run(as_authority + " -revoke " + path(name + ".pem"));
    run(as_authority + " -gencrl -crldays 10 -out " + path("crl.pem"));
  }

  [[nodiscard]] tls_settings settings(std::string const& name, tls_mode mode,
                                      std::string const& authority = "ca") const {
    tls_settings made;
    made.mode = mode;
    made.certificate = path(name + ".pem");
    made.key = path(name + ".key");
    if (!authority.empty()) made.ca = path(authority + ".pem");
    return made;
  }

  void run(std::string const& arguments) const {
    std::string const command = "openssl " + arguments;
    // NOLINTNEXTLINE(bugprone-command-processor): the arguments are this file's own
    if (std::system(("{ " + command + "; } >" + path("said") + " 2>&1").c_str()) != 0)
      throw std::runtime_error("failed: " + command);
  }

 private:
  [[nodiscard]] std::string new_key(std::string const& name) const {
    return "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout " + path(name + ".key");
  }
  std::string directory_;
};

}  // namespace runtime
