//! Builds the reference implementation's command, with the optimizations of its own makefile, if the feature `reference` asks for it.
#![forbid(unsafe_code)]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "reference")]
    if let Err(error) = reference::build() {
        println!("cargo::error=the reference implementation could not be built: {error}");
    }
}

#[cfg(feature = "reference")]
mod reference {
    use std::error::Error;
    use std::path::PathBuf;

    /// Where the command's `main` is.
    const MAIN: &str = "reference.c";

    pub(crate) fn build() -> Result<(), Box<dyn Error>> {
        println!("cargo::rerun-if-changed={MAIN}");
        let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
        let mut build = lua_src::Build::new();
        let library = build.opt_level("2").debug(false).try_build(lua_src::Lua54)?;
        let command = out.join("reference");
        let status = cc::Build::new()
            .opt_level_str("2")
            .get_compiler()
            .to_command()
            .arg(MAIN)
            .arg("-o")
            .arg(&command)
            .arg(format!("-I{}", library.include_dir().display()))
            .arg(format!("-L{}", library.lib_dir().display()))
            .args(library.libs().iter().map(|name| format!("-l{name}")))
            .args(["-lm", "-ldl"])
            .status()?;
        if !status.success() {
            return Err(format!("the compiler ended with {status}").into());
        }
        println!("cargo::rustc-env=TENURE_REFERENCE_COMMAND={}", command.display());
        Ok(())
    }
}
