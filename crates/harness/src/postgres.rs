//! A PostgreSQL server for a test's process: Debian's, on a folder and a port of its own. It ends with the process.

use std::{
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// Newest first.
const FOLDERS: [&str; 4] = ["18", "17", "16", "15"];

/// SQLSTATE of a value that can't be stored: it is the statement's fault.
pub const BAD_VALUE: &str = "22000";
/// SQLSTATE of a full disk: it is the database's fault.
pub const DISK_FULL: &str = "53100";

/// A database of its own.
#[derive(Debug)]
pub struct Database {
    port: u16,
    name: String,
    folder: PathBuf,
}

/// An empty database.
pub fn database() -> Database {
    static SERVER: OnceLock<Server> = OnceLock::new();
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = SERVER.get_or_init(Server::start);
    let database = Database {
        port: server.port,
        name: format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed)),
        folder: server.folder.clone(),
    };
    database.admin().sql(&format!("CREATE DATABASE {}", database.name));
    database
}

impl Database {
    /// Where it is.
    pub fn url(&self) -> String {
        format!(
            "postgres://postgres@127.0.0.1:{}/{}?sslmode=disable",
            self.port, self.name
        )
    }

    /// Its server's, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of its server (PEM), for 127.0.0.1.
    pub fn certificate(&self) -> String {
        std::fs::read_to_string(self.folder.join("data/server.crt")).unwrap()
    }

    /// Ends all connections to it.
    pub fn drop_connections(&self) {
        let connections = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname";
        self.admin().sql(&format!("{connections} = '{}'", self.name));
    }

    /// Whether it takes connections.
    pub fn set_open(&self, open: bool) {
        self.admin()
            .sql(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS {open}", self.name));
    }

    /// Until [mended](Self::mend), these events (`INSERT OR UPDATE`) on rows of the table that fit (`NEW.code = 'x'`) fail with this
    /// SQLSTATE.
    pub fn break_writes(&self, events: &str, table: &str, fit: &str, state: &str) {
        self.sql(&format!(
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE SQLSTATE '{state}' USING MESSAGE = 'broken on purpose'; END $$; \
             CREATE TRIGGER broken BEFORE {events} ON {table} FOR EACH ROW WHEN ({fit}) EXECUTE FUNCTION broken()"
        ));
    }

    /// They succeed again.
    pub fn mend(&self) {
        self.sql("DROP FUNCTION broken CASCADE");
    }

    /// The server's own database.
    fn admin(&self) -> Self {
        Self {
            name: "postgres".into(),
            port: self.port,
            folder: self.folder.clone(),
        }
    }

    /// Does statements by a shell beside; gives the rows as text.
    pub fn sql(&self, statements: &str) -> String {
        let mut shell = Command::new(programs().join("psql"));
        let run = shell
            .args(["-v", "ON_ERROR_STOP=1", "-XqAt", "-c", statements, &self.url()])
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    }
}

#[derive(Debug)]
struct Server {
    port: u16,
    folder: PathBuf,
    /// Waits for the end of its input, which is that of this process, and then stops the server.
    _guard: Child,
}

impl Server {
    fn start() -> Self {
        let [port] = crate::free_ports().unwrap();
        let folder = std::env::temp_dir().join(format!("bizproc-postgres-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut shell = Command::new("sh");
        // The server refuses to run as root.
        let user = Path::new("/proc/self")
            .metadata()
            .is_ok_and(|own| owner(&own) == 0)
            .then(postgres_user);
        if let Some(user) = user {
            chown(&folder, Some(user), None).unwrap();
            std::os::unix::process::CommandExt::uid(&mut shell, user);
        }
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o700)).unwrap();
        let script = include_str!("postgres.sh");
        let arguments = [folder.as_os_str(), programs().as_os_str(), port.to_string().as_ref()].map(ToOwned::to_owned);
        let guard = shell
            .args(["-c", script, "sh"])
            .args(arguments)
            .stdin(Stdio::piped())
            .spawn();
        let mut guard = guard.unwrap();
        while !folder.join("ready").exists() {
            let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(
                guard.try_wait().unwrap().is_none(),
                "PostgreSQL does not start: {}",
                log()
            );
            std::thread::sleep(super::PAUSE);
        }
        Self {
            port,
            folder,
            _guard: guard,
        }
    }
}

fn owner(metadata: &std::fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::uid(metadata)
}

fn postgres_user() -> u32 {
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let user = users.lines().find_map(|line| line.strip_prefix("postgres:x:"));
    user.and_then(|rest| rest.split(':').next()?.parse().ok())
        .expect("no user `postgres`: install Debian's postgresql-15")
}

fn programs() -> PathBuf {
    let folders = FOLDERS.map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    let found = folders.into_iter().find(|folder| folder.join("initdb").exists());
    found.expect("no PostgreSQL server: install Debian's postgresql-15")
}
