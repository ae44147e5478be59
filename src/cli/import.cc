// SPDX-License-Identifier: Apache-2.0
// `ajail fs import`: a tar, or a container image (docker save, OCI) whose layers are laid over each other. Hostile
// until proven otherwise: unpacked in a jail; what ajail itself reads of it, it reads without following anything out.
#include "cli/archive.h"
#include "cli/fs.h"
#include "cli/image.h"
#include "cli/words.h"
#include "store/store.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <unistd.h>

namespace ajail::cli {

namespace {

using sys::Fd;
using sys::Result;

constexpr std::uint64_t kInside = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
constexpr std::size_t kMaxJson = 4 << 20;     // as registries have it; in memory it can be eighty times that
constexpr std::size_t kMaxLine = 64 << 10;    // of the list of an archive; a path has at most 4 KiB
constexpr std::size_t kMaxExcluded = 1 << 20; // bytes of names of devices; an image has a dozen
constexpr std::string_view kWhiteout = ".wh.", kOpaque = ".wh..wh..opq";

// Why nothing is imported; thrown inside this file only.
struct Stop {
    std::string message;
    int code = kFailed;
};

[[noreturn]] void stop(const std::string& what, const sys::Error& error) {
    throw Stop{what + ": " + std::strerror(error.err)};
}

template <class T> T need(const std::string& what, Result<T> result) {
    if (!result) stop(what, result.error());
    return std::move(result).take();
}

// A line of `tar -tv --quoting-style=escape`: type, and name as in the archive.
struct Entry {
    char type = 0;
    std::string name;
};

std::string unescape(std::string_view text) {
    constexpr std::string_view kLetters = "abfnrtv", kBytes = "\a\b\f\n\r\t\v";
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        char next = text[++i];
        auto octal = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7'; };
        if (octal(i) && octal(i + 1) && octal(i + 2)) {
            out += static_cast<char>((text[i] - '0') * 64 + (text[i + 1] - '0') * 8 + (text[i + 2] - '0'));
            i += 2;
        } else if (std::size_t letter = kLetters.find(next); letter != std::string_view::npos) {
            out += kBytes[letter];
        } else {
            out += next;
        }
    }
    return out;
}

// `crw-r--r-- 0/0  1,3 2024-01-01 00:00 dev/null`: five fields, then the name.
Entry parse(std::string_view line) {
    Entry entry;
    if (line.empty()) return entry;
    entry.type = line[0];
    std::size_t at = 0;
    for (int field = 0; field < 5; ++field) {
        at = line.find(' ', at);
        at = at == std::string_view::npos ? at : line.find_first_not_of(' ', at);
        if (at == std::string_view::npos) return {};
    }
    std::string_view name = line.substr(at);
    if (entry.type == 'l') name = name.substr(0, name.find(" -> "));
    if (entry.type == 'h') name = name.substr(0, name.find(" link to "));
    entry.name = unescape(name);
    return entry;
}

struct CloseFile {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
};

class Import {
public:
    Import(const FsOptions& options, const spec::Host& host, const ns::Caller& process, const std::string& home)
        : options_(options), host_(host), process_(process), home_(home), name_(options.names[0]),
          tell_(::isatty(2) == 1 && !options.verbose) {}

    void run() {
        store::Partial first = partial(), work = partial();
        work_ = &work;
        Fd archive = open_archive();
        say("unpacking");
        unpack(archive, named(options_.names[1]), first, false);
        if (entries_ == 0) throw Stop{"the archive is empty"};
        if (!image(first)) return commit(first);
        store::Partial root = partial();
        lay(first, root);
        commit(root);
    }

    std::size_t devices() const { return devices_; }

private:
    store::Partial partial() {
        auto made = store::Partial::create(home_, name_);
        if (!made && made.error().err == EEXIST)
            throw Stop{name_ + " exists already; remove it first (ajail fs remove " + name_ +
                       ") or choose another name"};
        return need(spec::escape(home_) + "/fs/" + name_, std::move(made));
    }

    void commit(store::Partial& directory) { (void)need(name_, directory.commit()); }

    void say(const std::string& text) const {
        if (tell_) std::fprintf(stderr, "import: %s\n", text.c_str());
    }

    // Something that can be read more than once: what is no file is copied to one first.
    Fd open_archive() {
        const std::string& path = options_.names[1];
        Fd fd = path == "-" ? Fd(::fcntl(0, F_DUPFD_CLOEXEC, 3))
                            : need(spec::escape(path), sys::open(path.c_str(), O_RDONLY | O_NOCTTY));
        struct stat st = need(spec::escape(path), sys::fstat(fd.get()));
        if (S_ISDIR(st.st_mode)) throw Stop{spec::escape(path) + " is a directory; pack it first (tar -c)"};
        if (S_ISREG(st.st_mode)) return fd;
        if (::isatty(fd.get()) == 1) throw Stop{"an archive is expected on stdin, not a terminal"};
        say("reading");
        Fd copy = need("the store", sys::openat(work_->dir(), "archive", O_RDWR | O_CREAT | O_EXCL, 0600));
        std::array<char, 1 << 16> buffer;
        while (std::size_t size = need(spec::escape(path), sys::read_some(fd.get(), buffer)))
            (void)need("the store", sys::write_all(copy.get(), {buffer.data(), size}));
        return need("the store", sys::openat(work_->dir(), "archive", O_RDONLY));
    }

    static std::string named(const std::string& path) { return path == "-" ? "stdin" : spec::escape(path); }

    // Lists ARCHIVE, makes way for it if it is a layer, and unpacks it into DIRECTORY.
    // WHAT: how it is called in an error of those who read it.
    void unpack(const Fd& archive, const std::string& what, const store::Partial& directory, bool layer) {
        std::string_view format = compression(archive.get());
        Fd list = need("the store", sys::openat(work_->dir(), "list", O_RDWR | O_CREAT | O_TRUNC, 0600));
        Done scan = carry_out({.mode = "scan", .format = format, .in = archive.get(), .out = list.get()}, host_,
                              process_, options_.verbose);
        if (scan.code != 0) {
            bool reader = scan.said.starts_with("tar: ") || (!format.empty() && scan.said.starts_with(format));
            throw Stop{(reader ? what + ": " : "") + scan.said, scan.code};
        }
        std::string exclude = read_list(std::move(list), directory, layer);
        Done done = carry_out({.mode = "extract",
                               .target = directory.path(),
                               .format = format,
                               .exclude = exclude,
                               .layer = layer,
                               .in = archive.get()},
                              host_, process_, options_.verbose);
        if (done.code != 0) throw Stop{done.said, done.code};
    }

    std::string read_list(Fd list, const store::Partial& directory, bool layer) {
        std::string exclude;
        std::unique_ptr<std::FILE, CloseFile> file(::fdopen(list.get(), "r"));
        if (!file) stop("the store", sys::failed(sys::Call::open));
        (void)list.release(); // the stream's now
        std::rewind(file.get());
        std::vector<char> line(kMaxLine);
        while (std::fgets(line.data(), static_cast<int>(line.size()), file.get()) != nullptr) {
            std::string_view text(line.data());
            if (text.ends_with('\n')) text.remove_suffix(1);
            else if (std::feof(file.get()) == 0) throw Stop{"a name in the archive is too long"};
            Entry entry = parse(text);
            ++entries_;
            if (entry.type == 'b' || entry.type == 'c') {
                ++devices_;
                exclude += entry.name + "\n";
                if (exclude.size() > kMaxExcluded) throw Stop{"too many device nodes in the archive"};
            } else if (layer) {
                make_way(entry, directory.dir());
            }
        }
        return exclude;
    }

    // What lies in lower layers gives way to ENTRY: it is named by a whiteout, or there is something else there.
    void make_way(const Entry& entry, int root) {
        std::string path = entry.name;
        while (path.ends_with('/')) path.pop_back();
        std::size_t slash = path.rfind('/');
        std::string parent = slash == std::string::npos ? "." : "./" + path.substr(0, slash);
        std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
        if (name.empty() || name == "." || name == ".." || parent.find('\0') != std::string::npos) return;
        auto dir = sys::openat2(root, parent.c_str(), O_RDONLY | O_DIRECTORY, kInside);
        if (!dir) return; // nothing of it is there
        if (name == kOpaque) {
            (void)need("a whiteout", store::empty_directory((*dir).get()));
        } else if (name.starts_with(kWhiteout)) {
            std::string hidden = name.substr(kWhiteout.size());
            bool real = !hidden.empty() && hidden != "." && hidden != ".." && !hidden.starts_with(kWhiteout);
            if (real) remove((*dir).get(), hidden);
        } else {
            struct stat st {};
            bool there = ::fstatat((*dir).get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
            if (there && !(S_ISDIR(st.st_mode) && entry.type == 'd')) remove((*dir).get(), name);
        }
    }

    static void remove(int dir, const std::string& name) {
        auto removed = store::remove_tree(dir, name);
        if (!removed && removed.error().err != ENOENT) stop("a whiteout", removed.error());
    }

    // A regular file of the unpacked archive; its links resolve inside of it.
    static Result<Fd> file_in(const store::Partial& directory, const std::string& path) {
        return sys::open_regular(directory.dir(), path.c_str(), kInside);
    }

    static bool image(const store::Partial& directory) {
        bool oci = bool(file_in(directory, "oci-layout")) && bool(file_in(directory, "index.json"));
        return oci || bool(file_in(directory, "manifest.json"));
    }

    // The layers of the image in ARCHIVE, lowest first, into ROOT.
    void lay(const store::Partial& archive, const store::Partial& root) {
        auto read = [&](const std::string& path) -> std::optional<std::string> {
            auto file = file_in(archive, path);
            if (!file) return std::nullopt;
            auto text = sys::read_all((*file).get(), kMaxJson);
            if (!text) return std::nullopt;
            return *text;
        };
        auto found = image_layers(read, image_architecture());
        if (auto* bad = std::get_if<BadImage>(&found)) throw Stop{bad->message};
        const auto& layers = std::get<Layers>(found);
        devices_ = 0;
        for (std::size_t i = 0; i < layers.size(); ++i) {
            say("layer " + std::to_string(i + 1) + "/" + std::to_string(layers.size()));
            std::string what = "the layer " + spec::escape(layers[i].substr(0, 200));
            Fd layer = need(what, file_in(archive, layers[i]));
            unpack(layer, what, root, true);
        }
    }

    const FsOptions& options_;
    const spec::Host& host_;
    const ns::Caller& process_;
    std::string home_, name_;
    bool tell_;
    const store::Partial* work_ = nullptr;
    std::size_t entries_ = 0, devices_ = 0;
};

} // namespace

int fs_import(const FsOptions& options, const spec::Host& host, const ns::Caller& process, const std::string& home) {
    try {
        Import import(options, host, process, home);
        import.run();
        if (import.devices() != 0)
            std::fprintf(stderr, "import: %zu device node%s left out\n", import.devices(),
                         import.devices() == 1 ? "" : "s");
        return 0;
    } catch (const Stop& stopped) {
        if (stopped.code > 128) return stopped.code;
        return fail("fs import: " + (stopped.message.empty() ? "it failed" : stopped.message));
    }
}

} // namespace ajail::cli
